export type { AppRouter, RouterInputs, RouterOutputs } from './api.ts'
export { createTurnpikeClient, type TurnpikeClient, type TurnpikeClientOptions, type WebSocketClass } from './client.ts'
export type { Connection, ConnectionState } from './connection.ts'
