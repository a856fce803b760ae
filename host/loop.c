/* SPDX-License-Identifier: MIT */
/* host: the loop. A turn: drain who is ready, wait, hand input out, run who is due, drain again.
 * Listeners run from within a step alone, and what they destroy goes when the step is over. */
#include "host/mdns.h"

#include "base/serial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

tulle_err tulle_host_watch_add(tulle_host *host, tulle_host_watch *watch, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = watch};
	return epoll_ctl(host->epoll_fd, EPOLL_CTL_ADD, watch->fd, &e) == 0 ? TULLE_OK
									    : TULLE_ERR_SYSTEM;
}

void tulle_host_watch_set(tulle_host *host, tulle_host_watch *watch, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = watch};
	(void)epoll_ctl(host->epoll_fd, EPOLL_CTL_MOD, watch->fd, &e);
}

void tulle_host_watch_remove(tulle_host *host, tulle_host_watch *watch)
{
	(void)epoll_ctl(host->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
}

static void empty_counter(void *user, uint32_t events)
{
	uint64_t count;
	(void)events;
	while (read(*(int *)user, &count, sizeof count) == (ssize_t)sizeof count)
		continue;
}

static void wake_ready(void *user, uint32_t events)
{
	tulle_host *host = user;
	empty_counter(&host->wake_fd, events);
	host->woken = true;
}

static void take_turns(tulle_host *host)
{
	if (!host->woken)
		return;
	host->woken = false;
	for (tulle_host_member *m = host->members; m != NULL; m = m->next)
		if (!m->gone && m->kind->turn != NULL)
			m->kind->turn(m->self);
}

static void wake_from_list(void *user)
{
	tulle_host *host = user;
	if (host->exported && !host->in_step)
		tulle_host_wake(host);
}

static bool open_counters(tulle_host *host)
{
	host->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	host->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	host->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (host->epoll_fd < 0 || host->wake_fd < 0 || host->timer_fd < 0)
		return false;
	host->wake_watch = (tulle_host_watch){host->wake_fd, wake_ready, host};
	host->timer_watch = (tulle_host_watch){host->timer_fd, empty_counter, &host->timer_fd};
	return tulle_host_watch_add(host, &host->wake_watch, EPOLLIN) == TULLE_OK &&
	       tulle_host_watch_add(host, &host->timer_watch, EPOLLIN) == TULLE_OK;
}

static bool make_pool(tulle_host *host)
{
	size_t bytes = tulle_pool_memory_bytes(HOST_POOL_BLOCK_BYTES, HOST_POOL_BLOCKS);
	void *memory = malloc(bytes);
	if (memory == NULL)
		return false;
	host->pool = tulle_pool_init(memory, bytes, HOST_POOL_BLOCK_BYTES, HOST_POOL_BLOCKS);
	return true;
}

tulle_err tulle_host_create(const tulle_host_options *options, tulle_host **out)
{
	tulle_host *host = calloc(1, sizeof *host);
	if (host == NULL)
		return TULLE_ERR_MEMORY;
	if (options != NULL)
		host->options = *options;
	host->log = host->options.log;
	host->cpu = tulle_host_cpu();
	host->epoll_fd = host->wake_fd = host->timer_fd = host->roam_watch.fd = -1;
	host->ready = (tulle_ready){.wake = wake_from_list, .user = host};
	tulle_err err = make_pool(host) ? TULLE_OK : TULLE_ERR_MEMORY;
	if (err == TULLE_OK && !open_counters(host))
		err = TULLE_ERR_SYSTEM;
	if (err == TULLE_OK && !tulle_host_make_batch(host))
		err = TULLE_ERR_MEMORY;
	uint8_t seed[sizeof host->mux.seed] = {0};
	if (err == TULLE_OK && !tulle_host_random(NULL, seed, sizeof seed))
		err = TULLE_ERR_SYSTEM;
	if (err == TULLE_OK)
		err = tulle_host_roam(host);
	if (err != TULLE_OK) {
		tulle_host_destroy(host);
		return err;
	}
	memcpy(&host->mux.seed, seed, sizeof seed);
	*out = host;
	return TULLE_OK;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void free_member(tulle_host_member *member)
{
	member->kind->destroy(member->self);
}

void tulle_host_destroy(tulle_host *host)
{
	if (host == NULL)
		return;
	if (host->in_step) { /* by a listener: what stands on it hears no more, the step ends it */
		host->destroyed = true;
		for (tulle_host_member *m = host->members; m != NULL; m = m->next)
			tulle_host_remove(m);
		return;
	}
	while (host->members != NULL) {
		tulle_host_member *member = host->members;
		tulle_host_remove(member);
	}
	tulle_host_streams_destroy(host);
	tulle_host_mdns_destroy(host);
	free(host->batch);
	close_fd(host->epoll_fd);
	close_fd(host->wake_fd);
	close_fd(host->timer_fd);
	close_fd(host->roam_watch.fd);
	free(host->heap.nodes);
	free(host->mux_memory);
	free(host->pool);
	free(host);
}

static bool grow_heap(tulle_host *host)
{
	if (host->member_count < host->heap.cap)
		return true;
	size_t cap = host->heap.cap != 0 ? host->heap.cap * 2 : 16;
	tulle_heap_node **nodes = realloc(host->heap.nodes, (cap + 1) * sizeof *nodes);
	if (nodes == NULL)
		return false;
	host->heap.nodes = nodes;
	host->heap.cap = cap;
	return true;
}

static void tell_world(tulle_host *host, tulle_host_member *member, tulle_time now)
{
	tulle_in in = {.kind = TULLE_IN_WALL_CLOCK, .unix_s = (int64_t)time(NULL)};
	member->kind->handle(member->self, now, &in);
	for (size_t i = 0; i < host->interface_count; i++)
		tulle_host_tell_interface(member, &host->interfaces[i], true, now);
	in = (tulle_in){.kind = TULLE_IN_PATHS_KNOWN};
	member->kind->handle(member->self, now, &in);
}

tulle_err tulle_host_add(tulle_host *host, tulle_host_member *member)
{
	if (host->member_count >= HOST_MEMBERS_MAX)
		return TULLE_ERR_LIMIT;
	if (!grow_heap(host))
		return TULLE_ERR_MEMORY;
	member->host = host;
	if (member->kind->owns != NULL && tulle_host_open_port(host, member) != TULLE_OK)
		return TULLE_ERR_SYSTEM;
	if (member->tcp && tulle_host_open_lobby(host) != TULLE_OK) {
		tulle_host_close_port(member);
		return TULLE_ERR_SYSTEM;
	}
	tulle_host_join_demux(host, member);
	member->ready.owner = member->due.owner = member;
	member->prev = NULL;
	member->next = host->members;
	if (host->members != NULL)
		host->members->prev = member;
	host->members = member;
	host->member_count++;
	tell_world(host, member, tulle_host_now());
	tulle_ready_mark(&host->ready, &member->ready);
	return TULLE_OK;
}

/* What a member that goes has to say in datagrams; streams are closed already. */
static void let_say_farewell(tulle_host *host, tulle_host_member *member)
{
	tulle_out out;
	size_t bytes;
	uint8_t *scratch;
	if (member->kind->farewell == NULL || !member->kind->farewell(member->self))
		return;
	for (int i = 0; i < HOST_OUTPUTS_A_TURN; i++) {
		scratch = tulle_host_batch_room(host, &bytes);
		if (scratch == NULL ||
			!member->kind->poll(member->self, tulle_host_now(), scratch, bytes, &out))
			break;
		if (out.kind == TULLE_OUT_DATAGRAM)
			tulle_host_batch_add(host, member, &out);
	}
	tulle_host_batch_flush(host);
}

static void unlink_member(tulle_host_member *member)
{
	tulle_host *host = member->host;
	let_say_farewell(host, member);
	*(member->prev != NULL ? &member->prev->next : &host->members) = member->next;
	if (member->next != NULL)
		member->next->prev = member->prev;
	host->member_count--;
	tulle_ready_remove(&host->ready, &member->ready);
	tulle_host_leave_demux(host, member);
	tulle_host_close_port(member);
	free_member(member);
}

void tulle_host_remove(tulle_host_member *member)
{
	tulle_host *host = member->host;
	if (member->gone)
		return;
	member->gone = true;
	tulle_heap_set(&host->heap, &member->due, TULLE_TIME_NEVER);
	if (host->streams != NULL)
		tulle_host_streams_forget(host, member);
	tulle_host_mdns_forget(host, member);
	if (host->in_step)
		host->gone_count++;
	else
		unlink_member(member);
}

static void bury(tulle_host *host)
{
	for (tulle_host_member *m = host->members, *next; m != NULL && host->gone_count != 0;
		m = next) {
		next = m->next;
		if (!m->gone)
			continue;
		host->gone_count--;
		unlink_member(m);
	}
}

void tulle_host_deliver(tulle_host_member *member, tulle_time now, const tulle_in *in)
{
	if (member->gone)
		return;
	member->kind->handle(member->self, now, in);
	tulle_ready_mark(&member->host->ready, &member->ready);
}

/* The outputs of one member; false: more is left for its next turn, or the socket is full. */
static bool drain_member(tulle_host *host, tulle_host_member *member, tulle_time now)
{
	for (int i = 0; i < HOST_OUTPUTS_A_TURN; i++) {
		tulle_out out;
		size_t bytes;
		uint8_t *scratch = tulle_host_batch_room(host, &bytes);
		if (scratch == NULL)
			return false;
		if (!member->kind->poll(member->self, now, scratch, bytes, &out))
			return true;
		if (out.kind == TULLE_OUT_DATAGRAM) {
			tulle_host_watch_asked(member);
			tulle_host_batch_add(host, member, &out);
		} else if (out.kind == TULLE_OUT_PUBLISH)
			tulle_host_mdns_publish(host, member, &out);
		else if (out.kind == TULLE_OUT_RESOLVE && out.mdns)
			tulle_host_mdns_resolve(host, member, &out);
		else
			tulle_host_stream_out(host, member, &out);
	}
	return false;
}

/* Everybody who is ready: listeners, then output. Whom the socket holds up stays in the list. */
static void drain(tulle_host *host)
{
	tulle_ready held = {0};
	tulle_host_member *member;
	for (int turns = 0; turns < 1024 && (member = tulle_ready_take(&host->ready)) != NULL;
		turns++) {
		if (member->gone)
			continue;
		member->kind->dispatch(member->self);
		if (member->gone)
			continue;
		tulle_time now = tulle_host_now();
		tulle_host_watch_names(member);
		if (!drain_member(host, member, now))
			tulle_ready_mark(tulle_host_batch_room(host, &(size_t){0}) == NULL
						 ? &held
						 : &host->ready,
				&member->ready);
		tulle_heap_set(&host->heap, &member->due, member->kind->poll_timeout(member->self));
	}
	tulle_host_batch_flush(host);
	while ((member = tulle_ready_take(&held)) != NULL)
		tulle_ready_mark(&host->ready, &member->ready);
}

static void run_due(tulle_host *host, tulle_time now)
{
	const tulle_in in = {.kind = TULLE_IN_TIME};
	tulle_heap_node *first;
	while ((first = tulle_heap_first(&host->heap)) != NULL && first->at <= now) {
		tulle_host_member *member = first->owner;
		tulle_heap_set(&host->heap, first, TULLE_TIME_NEVER); /* drain puts it in again */
		tulle_host_deliver(member, now, &in);
	}
}

static tulle_time next_due(const tulle_host *host)
{
	const tulle_heap_node *first = tulle_heap_first(&host->heap);
	if (host->ready.first != NULL && host->blocked == NULL)
		return 0;
	return first != NULL ? first->at : TULLE_TIME_NEVER;
}

/* Waits until `until` (NEVER: for input) and hands events out. */
static tulle_err wait_events(tulle_host *host, tulle_time until)
{
	struct epoll_event events[HOST_EVENTS_MAX];
	struct timespec ts = {0};
	tulle_time now = tulle_host_now();
	if (until != TULLE_TIME_NEVER && until > now) {
		ts.tv_sec = (time_t)((until - now) / 1000000);
		ts.tv_nsec = (long)((until - now) % 1000000) * 1000;
	}
	int n = epoll_pwait2(host->epoll_fd, events, HOST_EVENTS_MAX,
		until == TULLE_TIME_NEVER ? NULL : &ts, NULL);
	if (n < 0)
		return errno == EINTR ? TULLE_OK : TULLE_ERR_SYSTEM;
	for (int i = 0; i < n; i++) {
		tulle_host_watch *watch = events[i].data.ptr;
		watch->ready(watch->user, events[i].events);
	}
	return TULLE_OK;
}

static void set_timer(tulle_host *host)
{
	tulle_time due = next_due(host);
	struct itimerspec at = {0};
	if (!host->exported)
		return;
	if (due != TULLE_TIME_NEVER) {
		at.it_value.tv_sec = (time_t)(due / 1000000);
		at.it_value.tv_nsec = (long)(due % 1000000) * 1000 + 1; /* 0 would disarm it */
	}
	(void)timerfd_settime(host->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

tulle_err tulle_host_step(tulle_host *host, int timeout_ms)
{
	if (host->in_step)
		return TULLE_ERR_STATE;
	host->in_step = true;
	drain(host);
	tulle_time until = next_due(host);
	if (timeout_ms >= 0)
		until = tulle_time_min(until, tulle_host_now() + (tulle_time)timeout_ms * 1000);
	tulle_err err = wait_events(host, host->stopped || host->gone_count != 0 ? 0 : until);
	take_turns(host);
	run_due(host, tulle_host_now());
	drain(host);
	set_timer(host);
	host->in_step = false;
	bury(host);
	if (host->destroyed) {
		tulle_host_destroy(host);
		return TULLE_ERR_GONE;
	}
	return err;
}

tulle_err tulle_host_run(tulle_host *host)
{
	tulle_err err = TULLE_OK;
	if (host->in_step)
		return TULLE_ERR_STATE;
	while (err == TULLE_OK && !host->stopped)
		err = tulle_host_step(host, -1);
	if (err == TULLE_OK)
		host->stopped = false;
	return err;
}

void tulle_host_wake(tulle_host *host)
{
	const uint64_t one = 1;
	int keep = errno; /* legal in a signal handler */
	while (write(host->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
		continue;
	errno = keep;
}

void tulle_host_stop(tulle_host *host)
{
	host->stopped = true;
	tulle_host_wake(host);
}

int tulle_host_fd(tulle_host *host)
{
	host->exported = true;
	set_timer(host);
	return host->epoll_fd;
}

size_t tulle_host_fds(const tulle_host *host, tulle_fd_wish *dst, size_t cap)
{
	if (cap > 0)
		dst[0] = (tulle_fd_wish){.fd = host->epoll_fd, .read = true};
	return 1;
}

int tulle_host_timeout_ms(const tulle_host *host)
{
	tulle_time due = next_due(host), now = tulle_host_now();
	if (due == TULLE_TIME_NEVER)
		return -1;
	if (due <= now)
		return 0;
	return (int)tulle_time_min((due - now + 999) / 1000, INT32_MAX);
}
