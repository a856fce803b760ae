// SPDX-License-Identifier: MIT
// One case's world: an onramp, members that join it one after the other (so that each learns the address of
// each), browsers shared by all cases; all that a case made ends with it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import puppeteer from 'puppeteer-core'
import { originalOnramp, tulleOnramp } from './lib.mjs'
import { Node, Page, servePage } from './members.mjs'

const chromiumFlags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
	'--disable-background-networking', '--disable-component-update', '--disable-sync']

const flagsOf = { // SNAP, SPED and I-DATA are behind these
	'chromium-trials': ['--force-fieldtrials=WebRTC-Sctp-Snap/Enabled/WebRTC-IceHandshakeDtls/Enabled/'
		+ 'WebRTC-DataChannelMessageInterleaving/Enabled/'],
}

export async function launch(kind) {
	const userDataDir = mkdtempSync(path.join(tmpdir(), 'tulle-browser-'))
	const common = { headless: true, userDataDir, protocolTimeout: 60000 }
	const browser = await (kind === 'firefox'
		? puppeteer.launch({ ...common, browser: 'firefox', executablePath: '/usr/bin/firefox-esr' })
		: puppeteer.launch({ ...common, executablePath: '/usr/bin/chromium', args: [...chromiumFlags, ...(flagsOf[kind] ?? [])] }))
	const close = async () => {
		await browser.close().catch(() => {})
		rmSync(userDataDir, { recursive: true, force: true, maxRetries: 5 })
	}
	return { browser, close }
}

const browsers = new Map()
export async function shared(kind) {
	if (!browsers.has(kind)) browsers.set(kind, launch(kind))
	return (await browsers.get(kind)).browser
}
let site
export const pageUrl = async () => (await (site ??= servePage())).url
export async function endShared() {
	for (const b of browsers.values()) await (await b).close()
	if (site) (await site).stop()
}

export class World {
	constructor() {
		this.members = []
		this.ends = []
		this.sights = []
	}
	saw(text) {
		this.sights.push(text)
	}
	// To be stopped with the case, the last first.
	owns(thing) {
		this.ends.push(() => thing.stop())
		return thing
	}
	async end() {
		for (const end of this.ends.reverse()) await end()
	}
	async ramp(kind) {
		this.onramp = this.owns(await (kind === 'original' ? originalOnramp() : tulleOnramp()))
	}
	async node(args = [], name = `tulle ${this.members.length}`) {
		return this.join(name, () => new Node(this.onramp.url, ['--stay', ...args], name))
	}
	async page(kind, secret = null, browser = null) {
		const name = `${kind} ${this.members.length}`
		return this.join(name, async () => {
			const page = await Page.open(browser ?? (await shared(kind)), await pageUrl(), name)
			await page.begin(this.onramp.url, secret)
			return page
		})
	}
	// Its address is what the first member hears; the first one's is what the second hears.
	async join(name, make) {
		const [first] = this.members
		const from = first?.log.mark
		const member = this.owns(await make())
		await member.log.event('open', (e) => e.ramp)
		if (first) member.address = await first.announced(from)
		if (first && !first.address) first.address = await member.announced()
		this.members.push(member)
		return member
	}
	async pair(a, b, options) {
		const marks = [a.log.mark, b.log.mark]
		await a.connect(b, options)
		await Promise.all([a.opened(b, marks[0]), b.opened(a, marks[1])])
	}
	async stopRamp() {
		await this.onramp.stop()
	}
}
