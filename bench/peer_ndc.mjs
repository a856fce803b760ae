// SPDX-License-Identifier: MIT
// node-datachannel (libdatachannel inside Node) as one end of a measured connection; all defaults.
import { createRequire } from 'node:module'
import { run } from './peer_js.mjs'

const { PeerConnection } = createRequire(new URL('../tests/interop/package.json', import.meta.url))('node-datachannel')

function wrap(dc) {
	const channel = {
		opened() {},
		closed() {},
		send: (bytes) => dc.sendMessageBinary(bytes),
		text: (string) => dc.sendMessage(string),
		buffered: () => dc.bufferedAmount(),
		isOpen: () => dc.isOpen(),
		low(bytes, then) {
			dc.setBufferedAmountLowThreshold(bytes)
			dc.onBufferedAmountLow(then)
		},
	}
	dc.onOpen(() => channel.opened())
	dc.onClosed(() => channel.closed())
	dc.onMessage((data) => channel.message(data))
	return channel
}

run((hear) => {
	const pc = new PeerConnection('bench', { iceServers: [] })
	const waiting = [] // its candidates may overtake its description
	let described = false
	pc.onLocalDescription((sdp, type) => hear.local(type, sdp))
	pc.onLocalCandidate((text, mid) => hear.candidate(text, mid))
	pc.onDataChannel((dc) => hear.channel(wrap(dc)))
	return {
		open: () => wrap(pc.createDataChannel('bench')),
		remote(type, sdp) {
			pc.setRemoteDescription(sdp, type)
			described = true
			for (const [text, mid] of waiting.splice(0)) pc.addRemoteCandidate(text, mid)
		},
		candidate(text, mid) {
			if (text === '') return
			if (described) pc.addRemoteCandidate(text, mid)
			else waiting.push([text, mid])
		},
		close: () => pc.close(),
	}
})
