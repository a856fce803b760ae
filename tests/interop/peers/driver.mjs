// SPDX-License-Identifier: MIT
// A library of node's behind the lines of stdin and stdout.
import { createInterface } from 'node:readline'
import { driver } from './rtc.mjs'

const say = (event, detail) => process.stdout.write(JSON.stringify({ event, ...detail }) + '\n')
process.on('unhandledRejection', (e) => say('error', { text: String(e.stack ?? e).slice(0, 400) }))
process.on('uncaughtException', (e) => say('error', { text: String(e.stack ?? e).slice(0, 400) }))

export function drive(pc) {
	const run = driver(pc, say)
	createInterface({ input: process.stdin }).on('line', run).on('close', () => process.exit(0))
}
