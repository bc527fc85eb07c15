import { expect, test } from 'vitest'
import { drillFaults, type FaultKind, FIRST_ACCOUNT_MODEL, faultsOf, SECOND_ACCOUNT_MODEL } from './drill-plan.ts'

const KINDS: FaultKind[] = ['status', 'no_answer', 'cut']

test('every kind can be chosen, a status by its number', () => {
  expect(drillFaults(KINDS)).toEqual([
    'status:429',
    'status:500',
    'status:503',
    'status:529',
    'status:401',
    'no_answer',
    'cut',
  ])
})

test('a drill fails its first account always and its second half of the time, for as long as was said', () => {
  expect(faultsOf({ fault: 'status:429', minutes: 3, reach: 'both' }, KINDS)).toEqual([
    { kind: 'status', status: 429, forSeconds: 180, model: FIRST_ACCOUNT_MODEL },
    { kind: 'status', status: 429, forSeconds: 180, model: SECOND_ACCOUNT_MODEL, probability: 0.5 },
  ])
})

test('where one account shall fail, the other is left alone', () => {
  expect(faultsOf({ fault: 'cut', minutes: 2, reach: 'first' }, KINDS)).toEqual([
    { kind: 'cut', forSeconds: 120, model: FIRST_ACCOUNT_MODEL },
  ])
})

test('a fault that the sandbox does not know is none', () => {
  expect(faultsOf({ fault: 'plague', minutes: 2, reach: 'both' }, KINDS)).toEqual([])
})
