// SPDX-License-Identifier: MIT
// The lines that rawpeer.c understands and says, for anything with the shape of RTCPeerConnection: in node by
// driver.mjs, in a page by browser.mjs.
import { Count, letters, numbered, pattern, sumOfBytes, sumOfText } from '../contents.mjs'

const bytesOf = (data) => new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength)

function hear(say, counts, number, data) {
	if (typeof data === 'string')
		return say('message', { channel: number, is_text: true, length: data.length, sum: sumOfText(data) })
	const bytes = bytesOf(data)
	const count = counts.get(number)
	if (!count) return say('message', { channel: number, is_text: false, length: bytes.length, sum: sumOfBytes(bytes) })
	count.take(bytes)
	if (count.messages === count.wanted) say('counted', { channel: number, ...count.report() })
}

function watch(say, channels, counts, channel, how) {
	const number = channels.push(channel)
	channel.binaryType = 'arraybuffer'
	let told = false
	const opened = () => told || ((told = true), say('open', { channel: number, label: channel.label }))
	channel.onopen = opened
	channel.onclose = () => say('close', { channel: number, label: channel.label })
	channel.onmessage = ({ data }) => hear(say, counts, number, data)
	const { maxRetransmits, maxPacketLifeTime, ordered } = channel
	say(how, { channel: number, label: channel.label, maxRetransmits, maxPacketLifeTime, ordered })
	if (channel.readyState === 'open') opened() // @roamhq/wrtc opens a second channel before one can listen
}

// As much as the channel holds without growing; not by its event, which three of the libraries do not have.
// drain: until none of it waits in the library's own queue any more.
async function bulk(say, channel, { channel: number, size, count, drain }) {
	for (let i = 0; i < count; i++) {
		while (channel.bufferedAmount > 1 << 20) await new Promise((resolve) => setTimeout(resolve, 2))
		channel.send(numbered(size, i))
		if (i % 64 === 63) await new Promise((resolve) => setTimeout(resolve, 0))
	}
	while (drain && channel.bufferedAmount > 0) await new Promise((resolve) => setTimeout(resolve, 2))
	say('bulked', { channel: number })
}

// Gives the function that runs a line; commands run one after the other.
export function driver(pc, say) {
	const channels = []
	const counts = new Map()
	const new_channel = (channel, how) => watch(say, channels, counts, channel, how)
	pc.ondatachannel = ({ channel }) => new_channel(channel, 'channel')
	pc.onicecandidate = ({ candidate }) => candidate && say('candidate', { candidate: candidate.candidate, mid: candidate.sdpMid })
	pc.onconnectionstatechange = () => say('state', { state: pc.connectionState })
	const describe = async (description) => {
		await pc.setLocalDescription(description)
		const { type, sdp } = pc.localDescription
		say('description', { type, sdp })
	}
	const verbs = {
		channel: ({ label, options }) => new_channel(pc.createDataChannel(label, options), 'created'),
		offer: async () => describe(await pc.createOffer()),
		async remote({ type, sdp }) {
			await pc.setRemoteDescription({ type, sdp })
			if (type === 'offer') await describe(await pc.createAnswer())
		},
		candidate: ({ candidate, mid }) => pc.addIceCandidate({ candidate, sdpMid: mid, sdpMLineIndex: 0 }),
		text: ({ channel, size, seed }) => channels[channel - 1].send(letters(size, seed)),
		bytes: ({ channel, size, seed }) => channels[channel - 1].send(pattern(size, seed)),
		bulk(command) {
			bulk(say, channels[command.channel - 1], command).catch((e) => say('error', { text: `bulk: ${e}` }))
		},
		count: ({ channel, count }) => counts.set(channel, Object.assign(new Count(), { wanted: count })),
		report: ({ channel }) => say('counted', { channel, ...counts.get(channel).report() }),
		close: ({ channel }) => channels[channel - 1].close(),
		async path() {
			const stats = await pc.getStats()
			const transport = [...stats.values()].find((s) => s.type === 'transport')
			const pair = stats.get(transport?.selectedCandidatePairId)
			const type = (id) => stats.get(id)?.candidateType ?? ''
			say('path', { local: type(pair?.localCandidateId), remote: type(pair?.remoteCandidateId), rtt: (pair?.currentRoundTripTime ?? 0) * 1e6 })
		},
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
	return (line) => (before = before.then(() => run(line)))
}
