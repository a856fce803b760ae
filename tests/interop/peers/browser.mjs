// SPDX-License-Identifier: MIT
// A page in a browser behind the lines of stdin and stdout. usage: browser.mjs chromium|firefox [ICE-SERVERS]
import { createServer } from 'node:http'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import path from 'node:path'
import { here } from '../lib.mjs'
import { launch } from '../world.mjs'

const page_of = `<!doctype html><meta charset="utf-8"><title>peer</title><script type="module">
import { driver } from '/peers/rtc.mjs'
// In batches, both ways: a word to Firefox and one from it take 50 ms each.
let lines = []
const say = (event, detail) => {
	if (lines.push(JSON.stringify({ event, ...detail })) > 1) return
	setTimeout(() => window.said(lines.splice(0).join('\\n')), 0)
}
const run = driver(new RTCPeerConnection({ iceServers: ${process.argv[3] ?? '[]'} }), say)
window.run = (all) => all.forEach((line) => void run(line))
</script>`
const server = createServer((request, response) => {
	const wanted = ['/peers/rtc.mjs', '/contents.mjs'].find((f) => f === request.url)
	response.writeHead(wanted || request.url === '/' ? 200 : 404, { 'content-type': wanted ? 'text/javascript' : 'text/html' })
	response.end(wanted ? readFileSync(path.join(here, wanted)) : page_of)
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const { browser, close } = await launch(process.argv[2])
const end = async () => {
	await close()
	process.exit(0)
}
process.on('SIGTERM', end)
const page = await browser.newPage()
page.on('pageerror', (e) => process.stdout.write(JSON.stringify({ event: 'error', text: String(e.message ?? e) }) + '\n'))
await page.exposeFunction('said', (line) => process.stdout.write(line + '\n'))
await page.goto(`http://127.0.0.1:${server.address().port}/`)
await page.waitForFunction('window.run')
// In order: what has come is handed over before what comes later.
let before = Promise.resolve()
let lines = []
const hand = () => page.evaluate((all) => window.run(all), lines.splice(0))
createInterface({ input: process.stdin })
	.on('line', (line) => lines.push(line) > 1 || (before = before.then(hand).catch(() => {})))
	.on('close', end)
