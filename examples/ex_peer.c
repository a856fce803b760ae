/* SPDX-License-Identifier: MIT */
/* Two peers in one process: the caller is the signaling. */
#include <tulle/host.h>
#include <stdio.h>

static void on_event(tulle_peer *self, const tulle_peer_event *e, void *user)
{
	tulle_peer *other = *(tulle_peer **)user;
	tulle_text sdp;
	switch ((int)e->kind) {
	case TULLE_PEER_NEGOTIATION_NEEDED:
		if (tulle_peer_set_local(self, TULLE_SDP_IMPLICIT, NULL, 0) ||
			!tulle_peer_local(self, true, &sdp))
			return;
		tulle_peer_set_remote(other, TULLE_SDP_OFFER, sdp.ptr, sdp.len);
		tulle_peer_set_local(other, TULLE_SDP_IMPLICIT, NULL, 0);
		tulle_peer_local(other, false, &sdp);
		tulle_peer_set_remote(self, TULLE_SDP_ANSWER, sdp.ptr, sdp.len);
		break;
	case TULLE_PEER_ICE_CANDIDATE:
		tulle_peer_add_candidate(other, &e->u.candidate);
		break;
	case TULLE_PEER_OPEN:
		tulle_channel_send_text(self, e->channel, "hello", 5);
		break;
	case TULLE_PEER_MESSAGE:
		printf("%.*s\n", (int)e->u.message.data.len, (const char *)e->u.message.data.ptr);
		break;
	}
}
int main(void)
{
	tulle_host *host;
	tulle_peer *a = NULL, *b = NULL;
	tulle_channel chat;
	if (tulle_host_create(NULL, &host))
		return 1;
	if (tulle_peer_create(host,
		    &(tulle_peer_config){.listener = on_event, .user = &b, .ice.loopback = true},
		    &a))
		return 1;
	if (tulle_peer_create(host,
		    &(tulle_peer_config){.listener = on_event, .user = &a, .ice.loopback = true},
		    &b))
		return 1;
	tulle_channel_create(a, "chat", NULL, &chat);
	while (tulle_host_step(host, -1) == TULLE_OK)
		;
	return 0;
}
