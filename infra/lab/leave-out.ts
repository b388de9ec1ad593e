/** What both lab entry points share: which control is left out, and that it really stood there. */
import { readLaunch, type Launch } from '@shop/chassis/launch.ts'
import { z } from 'zod'

/** The launch document that the runner wrote for a variant: production's, and the control to leave out. */
export function readLabLaunch<Config>(config: z.ZodType<Config>): { launch: Launch<Config>; leftOut: string } {
  const { config: { leftOut, ...rest }, ...frame } = readLaunch(z.looseObject({ leftOut: z.string() }))
  return { launch: { ...frame, config: config.parse(rest) }, leftOut }
}

/** The list with another stage in the named control's place. Throws when it is not there. */
export function instead<C extends { name: string; stage: unknown }>(name: string, change: (stage: C['stage']) => C['stage']): (controls: C[]) => C[] {
  return (controls) => {
    without<C>(name)(controls)
    return controls.map((control) => (control.name === name ? { ...control, stage: change(control.stage) } : control))
  }
}

/** The list without the named control. Throws when it is not in it: a switch that switches nothing would prove nothing. */
export function without<C extends { name: string }>(name: string): (controls: C[]) => C[] {
  return (controls) => {
    const rest = controls.filter((control) => control.name !== name)
    if (rest.length !== controls.length - 1) throw new Error(`there is no control '${name}' here; there are ${controls.map((c) => c.name).join(', ')}`)
    return rest
  }
}
