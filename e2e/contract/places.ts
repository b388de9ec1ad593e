/** Where each document is spoken. A document without a place fails the walk. */
import { documentFiles, operationsOf, readDocument } from './documents.ts'
import { mobileDoor, offeredAt, partnerDoor, webDoor } from './doors.ts'
import { accessPlace, administrationPlace, enrolmentPlace, exchangePlace, ingestPlace, openMesh, servicePlace, type Mesh } from './mesh.ts'
import { fieldDoor, merchantDoor, monitorDoor } from './outside.ts'
import type { Json, Operation } from './documents.ts'
import type { Place } from './place.ts'

type Open = (mesh: () => Promise<Mesh>) => Promise<Place>
export type Speaker = { file: string; place: string; operations: Operation[]; open: Open }

const EDGE = 'gateway/edge/openapi.yaml'

/** The part of the edge's document that a door offers. */
function documentOf(door: string): Json {
  const document = readDocument(EDGE)
  const offered = new Set(offeredAt(document, door).map(({ id }) => id))
  for (const [path, item] of Object.entries(document['paths'] as Json)) {
    for (const [method, spec] of Object.entries(item as Json)) if (spec.operationId && !offered.has(spec.operationId)) delete item[method]
    if (!Object.values(item as Json).some((spec) => spec.operationId)) delete document['paths'][path]
  }
  return document
}

const elsewhere: Record<string, (document: Json, mesh: () => Promise<Mesh>) => Promise<Place> | Place> = {
  'infra/access/openapi.yaml': async (document, mesh) => accessPlace(document, await mesh(), operationsOf(readDocument('services/catalog/openapi.yaml'))),
  'infra/exchange/openapi.yaml': async (document, mesh) => exchangePlace(document, await mesh()),
  'infra/monitor/openapi.yaml': async (document, mesh) => ingestPlace(document, await mesh()),
  'infra/monitor/door.openapi.yaml': monitorDoor,
  'infra/pki/openapi.yaml': async (document, mesh) => enrolmentPlace(document, await mesh()),
  'infra/pki/admin.openapi.yaml': administrationPlace,
  'infra/psp/openapi.yaml': merchantDoor,
  'infra/psp/field.openapi.yaml': fieldDoor,
}

const doors = { web: webDoor, mobile: mobileDoor, partner: partnerDoor } as const

/** Every place of every document; a service's is found by its folder. Throws for a document that nobody speaks. */
export function speakers(): Speaker[] {
  return documentFiles().flatMap((file): Speaker[] => {
    if (file === EDGE) return Object.entries(doors).map(([door, open]) => ({ file, place: door, operations: operationsOf(documentOf(door)), open: async () => open(documentOf(door)) }))
    const document = readDocument(file)
    const service = /^services\/([a-z-]+)\/openapi\.yaml$/.exec(file)?.[1]
    const open = service ? async (mesh: () => Promise<Mesh>) => servicePlace(service, document, await mesh()) : elsewhere[file] && (async (mesh: () => Promise<Mesh>) => elsewhere[file]!(document, mesh))
    if (!open) throw new Error(`${file}: say in e2e/contract/places.ts how its operations are reached`)
    return [{ file, place: service ?? file.replace('infra/', '').replace(/\/?openapi\.yaml$/, ''), operations: operationsOf(document), open }]
  })
}

/** Opened when first asked for, once for all. */
export function sharedMesh(): { mesh(): Promise<Mesh>; close(): Promise<void> } {
  let opened: Promise<Mesh> | undefined
  return { mesh: () => (opened ??= openMesh()), close: async () => void (await (await opened)?.close()) }
}
