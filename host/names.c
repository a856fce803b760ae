/* SPDX-License-Identifier: MIT */
/* host: names. Each question is one object that the loop and its thread hand back and forth under
 * one lock; when the host goes first, the last thread frees what is shared. */
#include "host/names.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct question {
	struct question *next;
	tulle_host_answer answer;
	uint16_t port;
	char name[256];
} question;

struct tulle_host_names {
	pthread_mutex_t lock;
	question *waiting, *asked, *done; /* asked: a thread has it */
	unsigned threads;
	bool dead;
	int event_fd;
	/* of the loop alone */
	tulle_host *host;
	tulle_host_watch watch;
	void (*answered)(tulle_host *host, const tulle_host_answer *answer);
};

static void free_list(question *q)
{
	for (question *next; q != NULL; q = next) {
		next = q->next;
		free(q);
	}
}

static void free_names(tulle_host_names *names)
{
	free_list(names->waiting);
	free_list(names->done);
	close(names->event_fd);
	pthread_mutex_destroy(&names->lock);
	free(names);
}

static bool read_address(const struct addrinfo *a, uint16_t port, tulle_addr *out)
{
	*out = (tulle_addr){.port = port};
	if (a->ai_family == AF_INET && a->ai_addrlen >= sizeof(struct sockaddr_in)) {
		struct sockaddr_in in;
		memcpy(&in, a->ai_addr, sizeof in);
		out->family = 4;
		memcpy(out->ip, &in.sin_addr, 4);
	} else if (a->ai_family == AF_INET6 && a->ai_addrlen >= sizeof(struct sockaddr_in6)) {
		struct sockaddr_in6 in6;
		memcpy(&in6, a->ai_addr, sizeof in6);
		out->family = 6;
		memcpy(out->ip, &in6.sin6_addr, 16);
		out->scope = in6.sin6_scope_id;
	}
	return out->family != 0;
}

static void look_up(question *q)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *list = NULL;
	if (getaddrinfo(q->name, NULL, &hints, &list) != 0)
		return;
	for (const struct addrinfo *a = list; a != NULL; a = a->ai_next)
		if (q->answer.count < HOST_NAME_ADDRESSES_MAX &&
			read_address(a, q->port, &q->answer.addresses[q->answer.count]))
			q->answer.count++;
	freeaddrinfo(list);
}

static void take_out(question **list, question *q)
{
	while (*list != q)
		list = &(*list)->next;
	*list = q->next;
}

static void put_last(question **list, question *q)
{
	while (*list != NULL)
		list = &(*list)->next;
	q->next = NULL;
	*list = q;
}

static void *run(void *user)
{
	tulle_host_names *names = user;
	const uint64_t one = 1;
	pthread_mutex_lock(&names->lock);
	for (question *q; !names->dead && (q = names->waiting) != NULL;) {
		names->waiting = q->next;
		q->next = names->asked;
		names->asked = q;
		pthread_mutex_unlock(&names->lock);
		look_up(q);
		pthread_mutex_lock(&names->lock);
		take_out(&names->asked, q);
		put_last(&names->done, q);
		if (!names->dead)
			(void)!write(names->event_fd, &one, sizeof one);
	}
	bool last = --names->threads == 0 && names->dead;
	pthread_mutex_unlock(&names->lock);
	if (last)
		free_names(names);
	return NULL;
}

static void ready(void *user, uint32_t events)
{
	tulle_host_names *names = user;
	uint64_t count;
	(void)events;
	(void)!read(names->event_fd, &count, sizeof count);
	for (;;) {
		pthread_mutex_lock(&names->lock);
		question *q = names->done;
		if (q != NULL)
			names->done = q->next;
		pthread_mutex_unlock(&names->lock);
		if (q == NULL)
			return;
		if (q->answer.owner != NULL)
			names->answered(names->host, &q->answer);
		free(q);
	}
}

tulle_host_names *tulle_host_names_create(
	tulle_host *host, void (*answered)(tulle_host *host, const tulle_host_answer *answer))
{
	tulle_host_names *names = calloc(1, sizeof *names);
	if (names == NULL)
		return NULL;
	names->host = host;
	names->answered = answered;
	names->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	names->watch = (tulle_host_watch){names->event_fd, ready, names};
	if (names->event_fd < 0 || pthread_mutex_init(&names->lock, NULL) != 0) {
		if (names->event_fd >= 0)
			close(names->event_fd);
		free(names);
		return NULL;
	}
	(void)tulle_host_watch_add(host, &names->watch, EPOLLIN);
	return names;
}

static bool start_thread(tulle_host_names *names)
{
	pthread_attr_t attributes;
	pthread_t thread;
	if (pthread_attr_init(&attributes) != 0)
		return false;
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	bool good = pthread_create(&thread, &attributes, run, names) == 0;
	pthread_attr_destroy(&attributes);
	return good;
}

bool tulle_host_names_ask(tulle_host_names *names, void *owner, bool of_stream, uint32_t number,
	const char *name, uint16_t port)
{
	question *q = calloc(1, sizeof *q);
	size_t n = strlen(name);
	if (q == NULL || n >= sizeof q->name) {
		free(q);
		return false;
	}
	memcpy(q->name, name, n + 1);
	q->port = port;
	q->answer.owner = owner;
	q->answer.of_stream = of_stream;
	q->answer.question = number;
	pthread_mutex_lock(&names->lock);
	put_last(&names->waiting, q);
	bool good = true;
	if (names->threads < HOST_NAME_THREADS_MAX) {
		names->threads++;
		if (!start_thread(names) && --names->threads == 0) {
			take_out(&names->waiting, q);
			free(q);
			good = false;
		}
	}
	pthread_mutex_unlock(&names->lock);
	return good;
}

static void forget(question *list, const void *owner)
{
	for (; list != NULL; list = list->next)
		if (list->answer.owner == owner)
			list->answer.owner = NULL;
}

void tulle_host_names_forget(tulle_host_names *names, const void *owner)
{
	pthread_mutex_lock(&names->lock);
	forget(names->waiting, owner);
	forget(names->asked, owner);
	forget(names->done, owner);
	pthread_mutex_unlock(&names->lock);
}

void tulle_host_names_destroy(tulle_host_names *names)
{
	if (names == NULL)
		return;
	tulle_host_watch_remove(names->host, &names->watch);
	pthread_mutex_lock(&names->lock);
	names->dead = true;
	bool last = names->threads == 0;
	pthread_mutex_unlock(&names->lock);
	if (last)
		free_names(names);
}
