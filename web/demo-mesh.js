// SPDX-License-Identifier: MIT
/**
 * @file The demo's protocol (docs/DEMO.md): what demo nodes tell each other by ordinary messages, so that
 * each learns its own address, the others' links and names. Knows nothing of the page.
 */
import { create } from './tulle.js'

const PEERS_MAX = 32
const LINKS_MAX = 64 // of one that tells its links
const PATIENCE_MS = 2000 // how long others have to introduce a stranger
const REPEAT_MS = 5000
const PING_MS = 1000

const cut = (value, max) => (typeof value === 'string' ? value.slice(0, max) : '')

export class DemoMesh {
	/**
	 * @param {string} url the onramp's
	 * @param {string} name ours
	 * @param {{changed: () => void, chat: (name: string, text: string) => void, note: (text: string) => void}} view
	 */
	constructor(url, name, view) {
		this.name = name
		this.view = view
		this.self = null // our address, once a peer has told it
		this.peers = new Map() // by node: {name, links, trip, pinged}
		this.heard = new Map() // by address: {by, at}
		this.root = create()
		this.onramp = this.root.connect(url)
		this.onramp.on('message', (address) => typeof address === 'string' && this.#announced(address))
		this.onramp.on('open', () => this.view.changed())
		this.onramp.on('close', () => (this.view.note('the onramp is gone; the mesh goes on without it'), this.view.changed()))
		this.root.on('connection', (node) => node !== this.onramp && this.#connected(node))
		this.timers = [setInterval(() => this.#tick(), 250), setInterval(() => this.#pingAll(), PING_MS),
			setInterval(() => this.#sayLinks(), REPEAT_MS)]
	}

	stop() {
		this.timers.forEach(clearInterval)
		this.root.close()
	}
	chat(text) {
		this.#sayAll({ demo: 'chat', text })
		this.view.chat(this.name, text)
	}
	rename(name) {
		this.name = name
		for (const node of this.peers.keys()) this.#sayHello(node)
		this.view.changed()
	}

	/** What is known of the mesh. edges: state is 'open' or 'connecting', by is an address or null (the onramp). */
	picture() {
		const self = this.self ?? 'self'
		const nodes = new Map([[self, { name: this.name, self: true }]])
		const edges = new Map()
		const edge = (a, b, about) => {
			const key = a < b ? `${a}|${b}` : `${b}|${a}`
			const before = edges.get(key)
			if (!before || before.state !== 'open') edges.set(key, { a, b, ...about })
		}
		for (const [node, { name, trip }] of this.peers) {
			nodes.set(node.address, { name: name || node.address.slice(0, 8), self: false })
			const by = node.via === this.onramp ? null : node.via.address
			edge(self, node.address, { by, state: node.isOpen() ? 'open' : 'connecting', trip })
		}
		for (const [node, { links }] of this.peers)
			for (const { address, name, by } of links) {
				if (!nodes.has(address)) nodes.set(address, { name: name || address.slice(0, 8), self: false })
				edge(node.address, address, { by, state: 'open', trip: null })
			}
		return { nodes, edges }
	}

	// -- whom it connects to --------------------------------------------------------------------------

	#isStrange(address) {
		return address !== this.self && !this.root.getPeer(address) && this.peers.size < PEERS_MAX
	}
	#announced(address) {
		this.heard.set(address, { by: this.onramp, at: Date.now() })
		this.#tick()
	}
	/** Who knows nobody asks the first that the onramp names; else a common peer has its time. */
	#tick() {
		for (const [address, { by, at }] of this.heard) {
			const strange = this.#isStrange(address)
			if (strange && this.root.getPeers().length > 1 && Date.now() - at < PATIENCE_MS) continue
			this.heard.delete(address)
			if (strange) this.#connect(by, address)
		}
	}
	/** Of two who hear of each other, the one with the lesser address asks. */
	#hearOf(from, address) {
		if (!this.#isStrange(address)) return
		if (this.self !== null && this.self < address) this.#connect(from, address)
		else if (!this.heard.has(address)) this.heard.set(address, { by: from, at: Date.now() })
	}
	#connect(by, address) {
		try {
			by.connect(address)
		} catch {
			// by is gone, or it is no address: who hears of it again tries again
		}
	}

	// -- what it says -----------------------------------------------------------------------------------

	#say(node, message) {
		if (node.isOpen()) node.send(message)
	}
	#sayAll(message) {
		for (const node of this.peers.keys()) this.#say(node, message)
	}
	#sayHello(node) {
		this.#say(node, { demo: 'hello', you: node.address, name: this.name })
	}
	#sayLinks() {
		const links = [...this.peers].filter(([node]) => node.isOpen()).map(([node, { name }]) => ({
			address: node.address,
			...(name && { name }),
			...(node.via !== this.onramp && { by: node.via.address }),
		}))
		this.#sayAll({ demo: 'links', links })
	}
	#pingAll() {
		for (const [node, peer] of this.peers) {
			peer.pinged ??= performance.now()
			this.#say(node, { demo: 'ping', n: 1 })
		}
	}

	// -- what it hears ----------------------------------------------------------------------------------

	#connected(node) {
		const peer = { name: '', links: [], trip: null, pinged: null }
		this.peers.set(node, peer)
		node.on('open', () => {
			this.#sayHello(node)
			this.#sayLinks()
			this.view.changed()
		})
		node.on('message', (message) => this.#hear(node, peer, message))
		node.on('close', (reason) => {
			this.peers.delete(node)
			this.view.note(`${peer.name || node.address.slice(0, 8)} has left: ${reason}`)
			this.#sayLinks()
			this.view.changed()
		})
		this.view.changed()
	}

	/** Whatever is not of the demo's protocol is for others. */
	#hear(node, peer, message) {
		if (typeof message !== 'object' || message === null) return
		const { demo } = message
		if (demo === 'hello') this.#hello(node, peer, message)
		else if (demo === 'links' && Array.isArray(message.links)) this.#links(node, peer, message.links)
		else if (demo === 'ping') this.#say(node, { demo: 'pong', n: message.n })
		else if (demo === 'pong' && peer.pinged !== null) {
			peer.trip = performance.now() - peer.pinged
			peer.pinged = null
			this.view.changed()
		} else if (demo === 'chat') this.view.chat(peer.name || node.address.slice(0, 8), cut(message.text, 1000))
	}
	#hello(node, peer, { you, name }) {
		if (typeof you === 'string' && you !== '') this.self ??= you
		if (peer.name === '') this.view.note(`${cut(name, 48)} is here`)
		peer.name = cut(name, 48)
		this.#sayLinks()
		this.view.changed()
	}
	#links(node, peer, links) {
		const good = links.slice(0, LINKS_MAX).filter((l) => typeof l?.address === 'string' && l.address !== '')
		peer.links = good.map(({ address, name, by }) => ({ address, name: cut(name, 48), by: typeof by === 'string' ? by : null }))
		for (const { address } of peer.links) this.#hearOf(node, address)
		this.view.changed()
	}
}
