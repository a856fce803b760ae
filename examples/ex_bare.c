/* SPDX-License-Identifier: MIT */
/* The template without an operating system: fill in five board_ functions and app.
 * The board gives PATH_UP, PATHS_KNOWN and, if it has one, WALL_CLOCK first; board_sleep_until
 * returns at once while input waits. */
#include <tulle/mesh.h>
tulle_time board_now(void); /* monotonic us */
bool board_random(void *, uint8_t *, size_t);
bool board_receive(tulle_in *, uint8_t *buffer,
	size_t bytes);              /* next datagram, stream event or answer; false: none */
void board_send(const tulle_out *); /* datagram, stream connect/bytes/end, resolve */
void board_sleep_until(tulle_time); /* or until an interrupt */
void app(tulle *, const tulle_event *);

static _Alignas(max_align_t) uint8_t memory[512 * 1024];
static uint8_t in_buffer[1500], out_buffer[1500];
int main(void)
{
	const tulle_options options = {.polled = true,
		.nodes_max = 2,
		.send_bytes_max = 8192,
		.message_bytes_max = 4096,
		.memory_bytes_max = sizeof memory};
	tulle *t = tulle_init(
		memory, sizeof memory, &options, (tulle_random){board_random, NULL}, board_now());
	if (t == NULL || tulle_memory_bytes(&options) > sizeof memory)
		return 1;
	tulle_connect(t, TULLE_ROOT, "ws://192.0.2.1:20500/", NULL, NULL);
	for (;;) {
		tulle_in in;
		tulle_out out;
		const tulle_event *e;
		for (int n = 0; n < 8 && board_receive(&in, in_buffer, sizeof in_buffer); n++)
			tulle_handle(t, board_now(), &in);
		tulle_handle(t, board_now(), &(tulle_in){.kind = TULLE_IN_TIME});
		while ((e = tulle_next_event(t)) != NULL)
			app(t, e);
		while (tulle_poll(t, board_now(), out_buffer, sizeof out_buffer, &out))
			board_send(&out);
		board_sleep_until(tulle_poll_timeout(t));
	}
}
