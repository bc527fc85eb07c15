import { expect, test } from 'vitest'
import { sampleOf } from './sample.ts'

const tree = {
  $defs: {
    node: {
      type: 'object',
      required: ['name', 'next'],
      properties: { name: { type: 'string' }, next: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/node' }] } },
    },
  },
  $ref: '#/$defs/node',
}

test.each([
  [
    'required members only',
    { type: 'object', properties: { a: { type: 'string' }, b: {} }, required: ['a'] },
    { a: 'sandbox' },
  ],
  ['the constant', { const: 7 }, 7],
  ['the first of an enum', { type: 'string', enum: ['x', 'y'] }, 'x'],
  ['the default', { type: 'integer', default: 0 }, 0],
  ['a number above an exclusive minimum', { type: 'number', exclusiveMinimum: 4 }, 5],
  ['a number below a maximum', { type: 'number', maximum: -3 }, -3],
  ['a string of the least length', { type: 'string', minLength: 10 }, 'sandboxxxx'],
  ['a string of the greatest length', { type: 'string', maxLength: 2 }, 'sa'],
  ['a string of a format', { type: 'string', format: 'date' }, '2026-01-01'],
  ['the least number of items', { type: 'array', minItems: 2, items: { type: 'boolean' } }, [true, true]],
  ['the first of several types', { type: ['string', 'null'] }, 'sandbox'],
  ['the first of anyOf', { anyOf: [{ type: 'null' }, { type: 'string' }] }, null],
  [
    'all of allOf',
    {
      allOf: [{ type: 'object', required: ['a'], properties: { a: { const: 1 } } }],
      required: ['b'],
      properties: { b: { const: 2 } },
    },
    { a: 1, b: 2 },
  ],
  ['references', tree, { name: 'sandbox', next: null }],
  ['nothing known', undefined, {}],
])('a sample has %s', (_, schema, value) => {
  expect(sampleOf(schema)).toEqual(value)
})

test('a schema without an end gets a sample with one', () => {
  const endless = { type: 'object', required: ['self'], properties: { self: { $ref: '#' } } }
  expect(JSON.stringify(sampleOf(endless)).length).toBeLessThan(200)
})
