// SPDX-License-Identifier: MIT
// Runs the cases whose names contain one of the arguments (none: all), one after the other; those that mostly
// wait run beside them. What each saw is said, and the last line counts.
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { here, killAll } from './lib.mjs'
import { endShared, World } from './world.mjs'

const wanted = process.argv.slice(2)
const cases = []
for (const file of readdirSync(path.join(here, 'cases')).filter((f) => f.endsWith('.mjs')).sort())
	cases.push(...(await import(path.join(here, 'cases', file))).cases)
const chosen = cases.filter((c) => wanted.length === 0 || wanted.some((w) => c.name.includes(w)))

let failed = 0
async function run(one) {
	const world = new World()
	const begin = Date.now()
	let error = null
	try {
		await one.run(world)
	} catch (e) {
		error = e
	}
	await world.end().catch((e) => (error ??= e))
	console.log(`${error ? 'FAIL' : 'ok  '} ${one.name} (${((Date.now() - begin) / 1000).toFixed(1)} s)`)
	for (const sight of world.sights) console.log(`     ${sight}`)
	if (!error) return
	failed++
	console.log(`     ${error.stack}`)
	for (const member of world.members) console.log(`     ${member.log.name} ${member.address}:${member.log.tail()}`)
}

process.on('unhandledRejection', (e) => {
	console.log(`unhandled: ${e.stack}`)
	failed++
})
for (const signal of ['SIGINT', 'SIGTERM'])
	process.on(signal, async () => {
		killAll()
		await endShared() // a browser would outlive us
		process.exit(130)
	})
const beside = chosen.filter((c) => c.waits).map(run)
for (const one of chosen.filter((c) => !c.waits)) await run(one)
await Promise.all(beside)
await endShared()
if (chosen.length === 0) console.log(`no case has a name like ${wanted.join(', ')}`)
console.log(`${chosen.length - failed} passed, ${failed} failed`)
process.exit(failed || chosen.length === 0 ? 1 : 0)
