/** What to tell a person whose machine lacks a part: what it is, why it did not come by itself, and the exact command. */
export type PartName = 'postgres' | 'rabbitmq' | 'consul' | 'softhsm'

const TITLE: Record<PartName, string> = { postgres: 'PostgreSQL 15 or newer', rabbitmq: 'RabbitMQ 3.10 or newer, with Erlang', consul: 'Consul 1.8.7 or newer', softhsm: "SoftHSM 2 (libsofthsm2.so)" }
const DEBIAN: Record<PartName, string> = { postgres: 'postgresql', rabbitmq: 'rabbitmq-server', consul: 'consul', softhsm: 'libsofthsm2' }
const FEDORA: Record<PartName, string> = { postgres: 'postgresql-server', rabbitmq: 'rabbitmq-server', consul: 'consul', softhsm: 'softhsm' }
const MACOS: Record<PartName, string> = { postgres: 'postgresql@17', rabbitmq: 'rabbitmq', consul: 'hashicorp/tap/consul', softhsm: 'softhsm' }
const FEDORA_CONSUL = '  # consul comes from its maker\'s repository, or as a program put on PATH'
/** The machine's own archive, one more suite of it: the last that has Consul. */
const DEBIAN_CONSUL = "sed 's/^Suites: .*/Suites: bullseye/' /etc/apt/sources.list.d/debian.sources | sudo tee /etc/apt/sources.list.d/bullseye.sources && "

/** One message for all missing parts. Native Windows has none of them: WSL2 is a Debian or Ubuntu. */
export function describeMissing(parts: PartName[], reason: string, platform = process.platform): string {
  const names = (of: Record<PartName, string>) => parts.map((part) => of[part]).join(' ')
  const needsConsul = parts.includes('consul')
  return [
    `The shop needs ${parts.map((part) => TITLE[part]).join('; ')}: not found on this machine (${reason}).`,
    ...(platform === 'win32' ? ['On Windows, run it inside WSL2 (wsl --install -d Debian).'] : []),
    'Get what is missing with the line for your system, then start again:',
    `  Debian, Ubuntu  ${needsConsul ? DEBIAN_CONSUL : ''}sudo apt-get update && sudo apt-get install --no-install-recommends ${names(DEBIAN)}`,
    `  Fedora          sudo dnf install ${names(FEDORA)}${needsConsul ? FEDORA_CONSUL : ''}`,
    `  macOS           brew install ${names(MACOS)}`,
    '  Docker          docker run --rm -it --init --network host -v "$PWD":/shop -w /shop node:26-bookworm npm start',
  ].join('\n')
}
