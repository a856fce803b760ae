// SPDX-License-Identifier: MIT
// The lines that rawpeer.c understands and says, for anything with the shape of RTCPeerConnection.
import { createInterface } from 'node:readline'
import { letters, pattern, sumOfBytes, sumOfText } from '../lib.mjs'

const say = (event, detail) => process.stdout.write(JSON.stringify({ event, ...detail }) + '\n')
process.on('unhandledRejection', (e) => say('error', { text: String(e.stack ?? e).slice(0, 400) }))
process.on('uncaughtException', (e) => say('error', { text: String(e.stack ?? e).slice(0, 400) }))

function watch(channels, channel, how) {
	const number = channels.push(channel)
	channel.binaryType = 'arraybuffer'
	let told = false
	const opened = () => told || ((told = true), say('open', { channel: number, label: channel.label }))
	channel.onopen = opened
	channel.onclose = () => say('close', { channel: number, label: channel.label })
	channel.onmessage = ({ data }) => {
		const is_text = typeof data === 'string'
		const bytes = is_text ? null : new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength)
		const sum = is_text ? sumOfText(data) : sumOfBytes(bytes)
		say('message', { channel: number, is_text, length: is_text ? data.length : bytes.length, sum })
	}
	say(how, { channel: number, label: channel.label })
	if (channel.readyState === 'open') opened() // @roamhq/wrtc opens a second channel before one can listen
}

export function drive(pc) {
	const channels = []
	pc.ondatachannel = ({ channel }) => watch(channels, channel, 'channel')
	pc.onicecandidate = ({ candidate }) => candidate && say('candidate', { candidate: candidate.candidate, mid: candidate.sdpMid })
	pc.onconnectionstatechange = () => say('state', { state: pc.connectionState })
	const describe = async (description) => {
		await pc.setLocalDescription(description)
		const { type, sdp } = pc.localDescription
		say('description', { type, sdp })
	}
	const verbs = {
		channel: ({ label }) => watch(channels, pc.createDataChannel(label), 'created'),
		offer: async () => describe(await pc.createOffer()),
		async remote({ type, sdp }) {
			await pc.setRemoteDescription({ type, sdp })
			if (type === 'offer') await describe(await pc.createAnswer())
		},
		candidate: ({ candidate, mid }) => pc.addIceCandidate({ candidate, sdpMid: mid, sdpMLineIndex: 0 }),
		text: ({ channel, size, seed }) => channels[channel - 1].send(letters(size, seed)),
		bytes: ({ channel, size, seed }) => channels[channel - 1].send(pattern(size, seed)),
		close: ({ channel }) => channels[channel - 1].close(),
		end: () => pc.close(),
	}
	let before = Promise.resolve()
	const run = async (line) => {
		try {
			const command = JSON.parse(line)
			await verbs[command.do](command)
			say('reply', { ok: true })
		} catch (e) {
			say('reply', { ok: false, error: e.name, text: e.message })
		}
	}
	createInterface({ input: process.stdin })
		.on('line', (line) => (before = before.then(() => run(line))))
		.on('close', () => process.exit(0))
}
