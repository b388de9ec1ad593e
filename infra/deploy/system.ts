/**
 * The system model: the only place that says what exists (design decision 2).
 *
 * To rename the product, change the three names. To add a service, write its folder and add a line to `services`.
 * Certificates, database roles, broker users, registry rights, mesh policy and processes are derived from here.
 */
import { billing } from '@shop/billing/service.ts'
import { catalog } from '@shop/catalog/service.ts'
import type { Service } from '@shop/chassis/service.ts'
import { order } from '@shop/order/service.ts'
import { shipping } from '@shop/shipping/service.ts'

export type Component = {
  name: string
  kind: 'control-plane' | 'edge' | 'external'
  /** Certificates it enrols for: mesh to speak in the mesh, data for its database role. */
  certificates: ('mesh' | 'data')[]
  hasDatabase: boolean
  /** Listening ports it needs, by name. */
  ports: string[]
  limits: { memoryMb: number; cpu: number }
}

export type System = {
  brand: string
  /** SPIFFE trust domain; also the DNS suffix of internal names. */
  trustDomain: string
  cookiePrefix: string
  services: Service[]
  components: Component[]
}

export const system: System = {
  brand: 'Lantern Market',
  trustDomain: 'lantern.test',
  cookiePrefix: 'lantern',
  services: [catalog, order, shipping, billing],
  components: [
    { name: 'vault', kind: 'control-plane', certificates: [], hasDatabase: false, ports: [], limits: { memoryMb: 128, cpu: 0.25 } },
    { name: 'pki', kind: 'control-plane', certificates: [], hasDatabase: false, ports: ['mesh'], limits: { memoryMb: 128, cpu: 0.25 } },
    { name: 'access', kind: 'control-plane', certificates: ['mesh'], hasDatabase: false, ports: ['mesh'], limits: { memoryMb: 192, cpu: 0.25 } },
    { name: 'exchange', kind: 'control-plane', certificates: ['mesh', 'data'], hasDatabase: true, ports: ['mesh'], limits: { memoryMb: 192, cpu: 0.5 } },
    { name: 'identity', kind: 'control-plane', certificates: ['mesh', 'data'], hasDatabase: true, ports: ['door'], limits: { memoryMb: 256, cpu: 0.5 } },
    { name: 'monitor', kind: 'control-plane', certificates: ['mesh', 'data'], hasDatabase: true, ports: ['mesh', 'door'], limits: { memoryMb: 256, cpu: 0.5 } },
    { name: 'registry', kind: 'control-plane', certificates: ['mesh'], hasDatabase: false, ports: ['mesh'], limits: { memoryMb: 128, cpu: 0.25 } },
    { name: 'registrar', kind: 'control-plane', certificates: ['mesh'], hasDatabase: false, ports: [], limits: { memoryMb: 128, cpu: 0.25 } },
    { name: 'edge', kind: 'edge', certificates: ['mesh', 'data'], hasDatabase: true, ports: ['web', 'mobile', 'partner'], limits: { memoryMb: 256, cpu: 1 } },
    { name: 'psp', kind: 'external', certificates: ['data'], hasDatabase: true, ports: ['door'], limits: { memoryMb: 128, cpu: 0.25 } },
  ],
}
