import { expect, test } from 'vitest'
import { controlOf } from './api.ts'

test.each([
  ['target-not-allowed', 'narrowing'], ['operation-not-allowed', 'narrowing'], ['subject-not-allowed', 'narrowing'], ['resource', 'narrowing'], ['grant-type', 'narrowing'],
  ['subject-audience', 'subject-token'], ['subject-expired', 'subject-token'], ['subject-signature', 'subject-token'], ['token-malformed', 'subject-token'],
  ['token-used', 'single-use'], ['actor-token', 'actor-from-certificate'], ['actor-loop', 'actor-from-certificate'], ['policy-denied', 'access'], ['peer-unknown', 'verify-peer'],
])('S12.5 a refusal with %s is booked under %s', (code, control) => expect(controlOf(code).name).toBe(control))
