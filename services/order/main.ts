import { startService } from '@shop/chassis/start-service.ts'
import { program } from './program.ts'

await startService(program)
