// SPDX-License-Identifier: MIT
// In the browser: the original P, and listeners that report all they hear. This runs before P does, so that
// what goes over its WebSockets and data channels can be told too.
/* global P, report */
let told = 0
const heard = (event, detail) => report(JSON.stringify({ event, told: told++, ...detail }))

// Contents are compared by length and sum; the same two functions stand in contents.mjs.
const pattern = (size, seed) => Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8) + seed) & 255)
const letters = (size, seed) => {
	let text = ''
	for (let i = 0; i < size; i++) text += String.fromCharCode(97 + ((i * 7 + (i >> 8) + seed) % 26))
	return text
}
const sum = (size, at) => {
	let h = 1
	for (let i = 0; i < size; i++) h = (Math.imul(h, 31) + at(i)) | 0
	return h >>> 0
}

// Each frame of P that carries a relayed inner message, in either direction: [6|7, who, [type, …]].
const relayed = (way, data) => {
	if (typeof data !== 'string') return
	const frame = JSON.parse(data)
	if (frame[0] !== 6 && frame[0] !== 7) return
	const [type, what] = frame[2]
	const ufrag = what.sdp ? /a=ice-ufrag:(.*)/.exec(what.sdp)[1] : what.usernameFragment
	heard('relayed', { way, address: frame[1], type, ufrag, candidate: what.candidate })
}
const Socket = window.WebSocket
window.WebSocket = class extends Socket {
	constructor(...args) {
		super(...args)
		this.addEventListener('message', (e) => relayed('in', e.data))
	}
	send(data) {
		relayed('out', data)
		super.send(data)
	}
}

// Which channels there are, and what came on one that this side did not create (P itself would not hear it).
const Connection = window.RTCPeerConnection
window.RTCPeerConnection = class extends Connection {
	constructor(...args) {
		super(...args)
		this.addEventListener('datachannel', ({ channel }) => {
			const { label, protocol, ordered, maxRetransmits, maxPacketLifeTime } = channel
			heard('channel', { label, protocol, ordered, reliable: maxRetransmits === null && maxPacketLifeTime === null })
			channel.addEventListener('message', () => heard('astray', {}))
		})
		this.addEventListener('connectionstatechange', () => heard('state', { state: this.connectionState }))
	}
}

const known = new Map() // by address: the latest that was heard of, or that opened (glare makes two)
const watch = (peer, ramp = false) => {
	if (peer.watched) return
	peer.watched = true
	const address = peer.address
	if (!known.has(address) || !known.get(address).isOpen()) known.set(address, peer)
	peer.on('open', () => {
		known.set(address, peer)
		heard('open', { address, ramp })
	})
	peer.on('close', () => heard('close', { address }))
	peer.on('error', (e) => heard('error', { address, text: String((e && e.message) || e) }))
	peer.on('message', (value) => {
		const json = JSON.stringify(value)
		const text = typeof value === 'string' ? value : json
		const about = { address, ramp, is_text: typeof value === 'string', length: text.length }
		heard('message', { ...about, sum: sum(text.length, (i) => text.charCodeAt(i)), json: json.slice(0, 300) })
	})
	peer.on('arraybuffer', (buffer) => {
		const bytes = new Uint8Array(buffer)
		heard('bytes', { address, length: bytes.length, sum: sum(bytes.length, (i) => bytes[i]) })
	})
}

// secret: offers need it; null: all are accepted
window.begin = (url, secret) => {
	window.root = P.create({
		firewall: (description, data) => {
			heard('firewall', { data: data === undefined ? null : data, type: description && description.type })
			return secret === null || data === secret
		},
	})
	root.on('connection', (peer) => {
		if (peer === window.ramp || peer.address === url) return
		heard('connection', { address: peer.address })
		watch(peer)
		if (window.eager) ramp.connect(peer.address) // an offer that crosses our own answer
	})
	root.on('disconnection', (peer) => heard('disconnection', { address: peer.address }))
	window.ramp = root.connect(url)
	watch(ramp, true)
}

const verbs = {
	connect(address, data, via) {
		const by = via === null ? ramp : known.get(via)
		watch(data === null ? by.connect(address) : by.connect({ address, offerData: data }))
	},
	send: (address, json) => known.get(address).send(JSON.parse(json)),
	text: (address, size, seed) => known.get(address).send(letters(size, seed)),
	bytes: (address, size, seed) => known.get(address).send(pattern(size, seed).buffer),
	typed: (address, list) => known.get(address).send(Uint8Array.from(list)),
	close: (address) => known.get(address).close(),
}
// Yields null, or why not.
window.act = (verb, ...args) => {
	try {
		verbs[verb](...args)
		return null
	} catch (e) {
		return `${e.name}: ${e.message}`
	}
}
window.isOpen = (address) => known.has(address) && known.get(address).isOpen()
// How many peers of this address P itself counts.
window.count = (address) => Object.values(root.getPeers()).filter((p) => p.address === address).length
