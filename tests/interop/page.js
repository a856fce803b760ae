// SPDX-License-Identifier: MIT
// In the browser: the original P, and listeners that report all they hear.
/* global P, report */
window.heard = (event, detail) => report(JSON.stringify({ event, ...detail }))

window.begin = (secret) => {
	window.root = P.create({
		firewall: (description, data) => {
			heard('firewall', { data: data === undefined ? null : data })
			return secret === null || data === secret
		},
	})
	root.on('connection', (peer) => {
		heard('connection', { address: peer.address })
		watch(peer)
	})
	root.on('disconnection', (peer) => heard('disconnection', { address: peer.address }))
}

window.watch = (peer) => {
	if (peer.watched) return
	peer.watched = true
	const address = peer.address
	known[address] = peer
	peer.on('open', () => heard('open', { address }))
	peer.on('close', () => heard('close', { address }))
	peer.on('error', () => heard('error', { address }))
	peer.on('message', (message) => {
		const json = JSON.stringify(message)
		heard('message', { address, length: typeof message === 'string' ? message.length : json.length, json: json.slice(0, 200) })
	})
	peer.on('arraybuffer', (buffer) => {
		const bytes = new Uint8Array(buffer)
		let sum = 0
		for (const b of bytes) sum = (sum * 31 + b) % 4294967291
		heard('arraybuffer', { address, length: bytes.length, sum })
	})
}

window.onramp = (url) => {
	window.ramp = root.connect(url)
	watch(ramp)
}
const known = {} // who was heard of, by address
window.peer = (address) => known[address]
