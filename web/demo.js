// SPDX-License-Identifier: MIT
/** @file The demo's page: the mesh as a graph and a table, and a chat. What others say is text, never markup. */
import { DemoMesh } from './demo-mesh.js'

const $ = (id) => document.getElementById(id)
const svg = (name, attributes, ...children) => {
	const element = document.createElementNS('http://www.w3.org/2000/svg', name)
	for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
	element.append(...children)
	return element
}
const html = (name, className, ...children) => {
	const element = document.createElement(name)
	if (className) element.className = className
	element.append(...children)
	return element
}

const LINES_MAX = 200
function addLine(who, text, className) {
	const log = $('log')
	log.append(html('li', className, ...(who === null ? [text] : [html('b', '', who), text])))
	while (log.children.length > LINES_MAX) log.firstChild.remove()
	log.scrollTop = log.scrollHeight
}

// Nodes stand on an ellipse, by name, so that a node keeps its place while others come.
const [centerX, centerY, radiusX, radiusY] = [360, 235, 195, 165]
function placesOf(nodes) {
	const order = [...nodes].sort(([a, x], [b, y]) => x.name.localeCompare(y.name) || (a < b ? -1 : 1))
	const places = new Map()
	order.forEach(([address], i) => {
		const angle = (2 * Math.PI * i) / order.length - Math.PI / 2
		const [dx, dy] = order.length === 1 ? [0, 0] : [Math.cos(angle), Math.sin(angle)]
		places.set(address, [centerX + radiusX * dx, centerY + radiusY * dy, dx, dy])
	})
	return places
}

const kindOf = (edge) => (edge.state !== 'open' ? 'opening' : edge.by === null ? 'onramp' : 'peer')

function drawEdge(key, edge, places, nameOf) {
	const [[x1, y1], [x2, y2]] = [places.get(edge.a), places.get(edge.b)]
	const by = edge.by === null ? 'the onramp' : nameOf(edge.by)
	const line = svg('line', { x1, y1, x2, y2, 'data-edge': key, 'data-kind': kindOf(edge) })
	line.append(svg('title', {}, `${nameOf(edge.a)} and ${nameOf(edge.b)}, introduced by ${by}`))
	return line
}

const short = (name) => (name.length > 16 ? `${name.slice(0, 15)}\u2026` : name)

// A name stands outside of the ellipse, where no line goes.
function drawNode(address, node, [x, y, dx, dy]) {
	const beside = Math.abs(dx) > 0.3
	const at = beside ? [x + Math.sign(dx) * 22, y + 6] : [x, dy <= 0 ? y - 24 : y + 36]
	const anchor = !beside ? 'middle' : dx > 0 ? 'start' : 'end'
	const text = svg('text', { x: at[0], y: at[1], 'text-anchor': anchor }, short(node.name))
	const under = !beside && dy <= 0 ? [x, y + 38] : [at[0], at[1] + 20]
	const you = node.self ? [svg('text', { x: under[0], y: under[1], 'text-anchor': anchor, class: 'you' }, 'you')] : []
	return svg('g', { 'data-node': address, class: node.self ? 'self' : '' }, svg('circle', { cx: x, cy: y, r: 13 }), text, ...you)
}

function row(edge, nameOf) {
	const cells = [`${nameOf(edge.a)} \u2013 ${nameOf(edge.b)}`]
	cells.push(edge.state !== 'open' ? 'connecting' : edge.by === null ? 'the onramp' : nameOf(edge.by))
	cells.push(edge.trip === null || edge.trip === undefined ? '' : `${edge.trip.toFixed(1)} ms`)
	return html('tr', '', ...cells.map((text) => html('td', '', text)))
}

function draw(mesh) {
	const { nodes, edges } = mesh.picture()
	const nameOf = (address) => nodes.get(address)?.name ?? address.slice(0, 8)
	const places = placesOf(nodes)
	const ours = ({ a }) => (nodes.get(a)?.self ? 0 : 1) // ours first, then by name
	const label = ({ a, b }) => `${nameOf(a)} ${nameOf(b)}`
	const list = [...edges].sort(([, x], [, y]) => ours(x) - ours(y) || label(x).localeCompare(label(y)))
	$('graph').replaceChildren(...list.map(([key, edge]) => drawEdge(key, edge, places, nameOf)),
		...[...nodes].map(([address, node]) => drawNode(address, node, places.get(address))))
	$('links').replaceChildren(...list.map(([, edge]) => row(edge, nameOf)))
	const open = list.filter(([, edge]) => edge.state === 'open').length
	$('count').textContent = `${nodes.size} node${nodes.size === 1 ? '' : 's'}, ${open} connection${open === 1 ? '' : 's'}`
	$('onramp').dataset.state = mesh.onramp.state
	$('onramp').textContent = { connecting: 'connecting to the onramp', open: 'on the onramp', closed: 'the onramp is gone' }[mesh.onramp.state]
}

const browser = /Firefox/.test(navigator.userAgent) ? 'Firefox' : /Chrom/.test(navigator.userAgent) ? 'Chromium' : 'Browser'
const number = crypto.getRandomValues(new Uint16Array(1))[0] % 1000
$('name').value = `${browser} ${number}`

let due = false // one picture a frame, whatever happened
const mesh = new DemoMesh(`ws://${location.host}/`, $('name').value, {
	changed() {
		if (due) return
		due = true
		setTimeout(() => {
			due = false
			draw(mesh)
		}, 16)
	},
	chat: (name, text) => addLine(name, text, ''),
	note: (text) => addLine(null, text, 'note'),
})
draw(mesh)
$('name').addEventListener('change', () => {
	$('name').value = $('name').value.trim() || 'nameless'
	mesh.rename($('name').value)
})
$('say').addEventListener('submit', (event) => {
	event.preventDefault()
	const text = $('text').value.trim()
	if (text !== '') mesh.chat(text)
	$('text').value = ''
})
addEventListener('pagehide', () => mesh.stop())
window.demo = mesh // to look at from the console
