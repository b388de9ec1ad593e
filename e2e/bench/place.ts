import { join } from 'node:path'

/** This checkout's folder for data and reports; a bench has a folder of its own below it. */
export const endpointsFolder = process.env['SHOP_DIR'] ?? join(import.meta.dirname, '../../.shop')
