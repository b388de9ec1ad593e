import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Channel, ConfirmChannel, GetMessage } from 'amqplib'
import { REPLAY, RUNNER } from '../../backing/broker-model.ts'
import { connectRunner } from '../../backing/rabbitmq.ts'
import { system } from '../../system.ts'
import { readCheckout } from '../checkout.ts'
import type { Parsed } from '../commands.ts'
import { planProcesses } from '../plan.ts'

/** Events that a service gave up on wait in its dead-letter queue until someone looks (A6). */
export async function deadLetters({ positionals: [action = 'list', name] }: Parsed): Promise<number> {
  const readers = system.services.filter(({ subscribes }) => subscribes.length > 0).map((service) => service.name)
  if (action !== 'list' && action !== 'replay') throw new Error(`dead-letters ${action}: allowed are list and replay NAME`)
  if (action === 'replay' && !readers.includes(name ?? '')) throw new Error(`dead-letters replay: name one of ${readers.join(', ')}`)
  const connection = await connectRunner(await runnerDoor())
  try {
    const channel = await connection.createConfirmChannel()
    if (action === 'replay') {
      const count = await replay(channel, name as string)
      await channel.close() // in order with the acknowledgements; a closing connection may overtake them
      process.stdout.write(`${count} handed back to ${name}\n`)
      return 0
    }
    for (const reader of readers) {
      const letters = await takeAll(channel, `${reader}.dead`)
      process.stdout.write(`${reader}: ${letters.length === 0 ? 'none' : ''}\n${letters.map((letter) => `  ${describe(letter)}\n`).join('')}`)
      channel.nackAll(true) // looked at, not taken
    }
    return 0
  } finally {
    await connection.close()
  }
}

async function takeAll(channel: Channel, queue: string): Promise<GetMessage[]> {
  const letters: GetMessage[] = []
  for (let letter = await channel.get(queue); letter; letter = await channel.get(queue)) letters.push(letter)
  return letters
}

/** A letter leaves the queue only when the broker has confirmed that its service has it again. */
async function replay(channel: ConfirmChannel, name: string): Promise<number> {
  const letters = await takeAll(channel, `${name}.dead`)
  for (const letter of letters) {
    const { 'x-death': _, 'x-delivery-count': __, ...headers } = letter.properties.headers ?? {}
    await new Promise<void>((resolve, reject) =>
      channel.publish(REPLAY, topicOf(letter), letter.content, { ...letter.properties, headers: { ...headers, to: name }, persistent: true, mandatory: true }, (error) => error ? reject(error) : resolve()))
    channel.ack(letter)
  }
  await channel.waitForConfirms()
  return letters.length
}

const topicOf = (letter: GetMessage): string => letter.properties.headers?.['x-death']?.[0]?.['routing-keys']?.[0] ?? letter.fields.routingKey
const describe = (letter: GetMessage) => `${topicOf(letter)}  ${letter.properties.messageId ?? ''}  ${letter.properties.headers?.['x-death']?.[0]?.reason ?? ''}  ${letter.content.toString('utf8').slice(0, 160)}`

async function runnerDoor() {
  const { shopDir, portBase } = await readCheckout(process.env)
  const read = (file: string) => readFileSync(join(shopDir, 'certificates', RUNNER, file), 'utf8')
  const port = planProcesses(system, portBase).processes.find((one) => one.name === 'rabbitmq')?.ports.amqps as number
  return { port, serverName: `rabbitmq.${system.trustDomain}`, tls: { ca: read('roots.pem'), cert: read('certificate.pem'), key: read('key.pem') } }
}
