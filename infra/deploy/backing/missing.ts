/** What to tell a person whose machine lacks a part: what it is, why it did not come by itself, and the exact command. */
export type PartName = 'postgres' | 'rabbitmq' | 'consul' | 'softhsm'

const TITLE: Record<PartName, string> = { postgres: 'PostgreSQL 15 or newer', rabbitmq: 'RabbitMQ 3.10 or newer, with Erlang', consul: 'Consul 1.8.7 or newer', softhsm: "SoftHSM 2 (libsofthsm2.so)" }
const DEBIAN: Record<PartName, string> = { postgres: 'postgresql', rabbitmq: 'rabbitmq-server', consul: 'consul', softhsm: 'libsofthsm2' }
const FEDORA: Record<PartName, string> = { postgres: 'postgresql-server', rabbitmq: 'rabbitmq-server', consul: 'consul', softhsm: 'softhsm' }
const MACOS: Record<PartName, string> = { postgres: 'postgresql@17', rabbitmq: 'rabbitmq', consul: 'hashicorp/tap/consul', softhsm: 'softhsm' }
const FEDORA_CONSUL = 'sudo dnf config-manager addrepo --from-repofile=https://rpm.releases.hashicorp.com/fedora/hashicorp.repo && '
const DEBIAN_CONSUL = "echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bullseye main' | sudo tee /etc/apt/sources.list.d/bullseye.list && "

/** One message for all missing parts. Native Windows has none of them: WSL2 is a Debian or Ubuntu. */
export function describeMissing(parts: PartName[], reason: string, platform = process.platform): string {
  const names = (of: Record<PartName, string>) => parts.map((part) => of[part]).join(' ')
  const needsConsul = parts.includes('consul')
  return [
    `The shop needs ${parts.map((part) => TITLE[part]).join('; ')}: not found on this machine (${reason}).`,
    ...(platform === 'win32' ? ['On Windows, run it inside WSL2 (wsl --install -d Debian).'] : []),
    'Get what is missing with the line for your system, then start again:',
    `  Debian, Ubuntu  ${needsConsul ? DEBIAN_CONSUL : ''}sudo apt-get update && sudo apt-get install --no-install-recommends ${names(DEBIAN)}`,
    `  Fedora          ${needsConsul ? FEDORA_CONSUL : ''}sudo dnf install ${names(FEDORA)}`,
    `  macOS           brew install ${names(MACOS)}`,
    '  Docker          docker run --rm -it --init --network host -v "$PWD":/shop -w /shop node:26-bookworm npm start',
  ].join('\n')
}
