// SPDX-License-Identifier: MIT
// What moves.mjs and pairs.mjs share: the cases whose names contain one of the arguments (none: all), one after the other.
import { killAll } from '../interop/lib.mjs'

export const wanted = process.argv.slice(2)

// run(one, peers) puts the peers that it starts into the array; what it saw is said. Gives those that ran, and how many failed.
export async function runCases(cases, run) {
	const chosen = cases.filter((c) => wanted.length === 0 || wanted.some((w) => c.name.includes(w)))
	for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => (killAll(), process.exit(130)))
	let failed = 0
	for (const one of chosen) {
		const peers = []
		let error = null
		const sight = await run(one, peers).catch((e) => (error = e))
		await Promise.all(peers.map((p) => p.stop()))
		console.log(`${error ? 'FAIL' : 'ok  '} ${one.name}: ${error ? error.stack : sight}`)
		if (error) failed++
	}
	return { chosen, failed }
}

export function finish(count, failed) {
	console.log(`${count - failed} passed, ${failed} failed`)
	process.exit(failed || count === 0 ? 1 : 0)
}
