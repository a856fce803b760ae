/* SPDX-License-Identifier: MIT */
/* <tulle/drop.h>: why a peer's input was dropped, its state unchanged. One table: name, text,
 * clause. A reason is counted where it happens and shown in the stats under its name. */
#ifndef TULLE_DROP_H
#define TULLE_DROP_H
/* clang-format off */
#define TULLE_DROPS(X) \
	/* every room */ \
	X(MALFORMED, "malformed", "STYLE:bytes") \
	X(LIMIT, "limit", "DESIGN:memory") \
	X(NO_ROOM, "no_room", "DESIGN:memory") \
	X(STATE, "state", "DESIGN:contract") \
	X(UNKNOWN_PATH, "unknown_path", "RFC7983:7") \
	X(UNKNOWN_PROTOCOL, "unknown_protocol", "RFC7983:7") \
	X(CLOSED, "closed", "DESIGN:contract") \
	X(ENGINE_FAILED, "engine_failed", "DESIGN:contract") \
	/* stun */ \
	X(STUN_COOKIE, "stun_cookie", "RFC8489:5") \
	X(STUN_LENGTH, "stun_length", "RFC8489:5") \
	X(STUN_ATTRIBUTE, "stun_attribute", "RFC8489:14") \
	X(STUN_FINGERPRINT, "stun_fingerprint", "RFC8489:14.7") \
	X(STUN_INTEGRITY, "stun_integrity", "RFC8489:14.5") \
	X(STUN_NO_INTEGRITY, "stun_no_integrity", "RFC8489:9.1.3") \
	X(STUN_USERNAME, "stun_username", "RFC8489:9.1.3") \
	X(STUN_UNKNOWN_REQUIRED, "stun_unknown_required", "RFC8489:6.3") \
	X(STUN_TRANSACTION, "stun_transaction", "RFC8489:6.3.3") \
	X(STUN_METHOD, "stun_method", "RFC8489:6.3") \
	/* ice */ \
	X(ICE_SOURCE, "ice_source", "RFC8445:7.2.5.2.1") \
	X(ICE_ROLE, "ice_role", "RFC8445:7.3.1.1") \
	X(ICE_CANDIDATE, "ice_candidate", "RFC8839:5.1") \
	X(ICE_GENERATION, "ice_generation", "RFC8838:10") \
	X(ICE_UNSUPPORTED, "ice_unsupported", "RFC8839:5.1") \
	X(ICE_NOT_VALIDATED, "ice_not_validated", "RFC8445:12") \
	X(ICE_FILTERED, "ice_filtered", "RFC8445:19") \
	X(ICE_STREAM, "ice_stream", "RFC6544:7.2") \
	X(ICE_STREAM_FULL, "ice_stream_full", "DESIGN:memory") /* out: as a network drops */ \
	/* turn */ \
	X(TURN_CHANNEL, "turn_channel", "RFC8656:12.6") \
	X(TURN_PEER, "turn_peer", "RFC8656:11.4") \
	X(TURN_BID_DOWN, "turn_bid_down", "RFC8489:9.2.5") \
	X(TURN_STREAM, "turn_stream", "RFC8656:12.5") \
	/* mdns */ \
	X(MDNS_KIND, "mdns_kind", "RFC6762:18.3") \
	X(MDNS_SOURCE, "mdns_source", "RFC6762:11") \
	X(MDNS_NAME, "mdns_name", "RFC6762:6") \
	X(MDNS_ADDRESS, "mdns_address", "RFC8445:5.1.1.1") \
	/* dtls */ \
	X(DTLS_VERSION, "dtls_version", "RFC6347:4.1") \
	X(DTLS_CLEARTEXT, "dtls_cleartext", "RFC6347:4.1") \
	X(DTLS_EPOCH, "dtls_epoch", "RFC6347:4.1") \
	X(DTLS_HANDSHAKE_LENGTH, "dtls_handshake_length", "RFC6347:4.2.2") \
	X(DTLS_HANDSHAKE_AHEAD, "dtls_handshake_ahead", "RFC6347:4.2.2") \
	X(DTLS_RECORD, "dtls_record", "RFC6347:4.1.2.7") \
	X(DTLS_EARLY, "dtls_early", "RFC6347:4.2.4") \
	X(DTLS_HELD, "dtls_held", "DESIGN:dtls") \
	/* sctp */ \
	X(SCTP_SHORT, "sctp_short", "RFC9260:3") \
	X(SCTP_CHECKSUM, "sctp_checksum", "RFC9260:6.8") \
	X(SCTP_PORT, "sctp_port", "RFC9260:3.1") \
	X(SCTP_TAG, "sctp_tag", "RFC9260:8.5") \
	X(SCTP_CHUNK, "sctp_chunk", "RFC9260:3.2") \
	X(SCTP_BUNDLE, "sctp_bundle", "RFC9260:6.10") \
	X(SCTP_PARAMETER, "sctp_parameter", "RFC9260:3.2.1") \
	X(SCTP_COOKIE, "sctp_cookie", "RFC9260:5.1.5") \
	X(SCTP_STREAM, "sctp_stream", "RFC9260:6.5") \
	X(SCTP_TSN, "sctp_tsn", "RFC9260:6.2") \
	X(SCTP_DUPLICATE, "sctp_duplicate", "RFC9260:6.2") \
	X(SCTP_SACK, "sctp_sack", "RFC9260:6.2.1") \
	X(SCTP_OUT_OF_BLUE, "sctp_out_of_blue", "RFC9260:8.4") \
	X(SCTP_UNKNOWN_CHUNK, "sctp_unknown_chunk", "RFC9260:3.2") \
	X(SCTP_RESET, "sctp_reset", "RFC6525:5.2") \
	/* channels */ \
	X(DCEP, "dcep", "RFC8832:5") \
	X(CHANNEL_PPID, "channel_ppid", "RFC8831:8") \
	X(CHANNEL_UNKNOWN, "channel_unknown", "RFC8832:6") \
	X(CHANNEL_UTF8, "channel_utf8", "RFC8831:6.6") \
	X(CHANNEL_ORDER, "channel_order", "RFC8831:6.6") \
	X(CHANNEL_TOO_LARGE, "channel_too_large", "RFC8841:6") \
	X(CHANNEL_LIMIT, "channel_limit", "RFC8831:6.2") \
	/* sdp, json, signal */ \
	X(SDP_SYNTAX, "sdp_syntax", "RFC8866:9") \
	X(JSON_SYNTAX, "json_syntax", "RFC8259:2") \
	X(HTTP_SYNTAX, "http_syntax", "RFC9112:2.2") \
	X(WEBSOCKET_FRAME, "websocket_frame", "RFC6455:5.2") \
	X(WEBSOCKET_UTF8, "websocket_utf8", "RFC6455:8.1") \
	X(WEBSOCKET_TOO_LARGE, "websocket_too_large", "RFC6455:10.4") \
	/* mesh and onramp */ \
	X(P_SYNTAX, "p_syntax", "P-PROTOCOL:messages") \
	X(P_TYPE, "p_type", "P-PROTOCOL:messages") \
	X(P_NO_ATTEMPT, "p_no_attempt", "P-PROTOCOL:attempts") \
	X(P_OTHER_RELAY, "p_other_relay", "P-PROTOCOL:attempts") \
	X(P_GLARE, "p_glare", "P-PROTOCOL:attempts") \
	X(P_FIREWALL, "p_firewall", "P-PROTOCOL:behaviour") \
	X(P_RELAY_UNKNOWN, "p_relay_unknown", "P-PROTOCOL:behaviour") \
	X(P_RELAY_BUDGET, "p_relay_budget", "P-PROTOCOL:behaviour") \
	X(P_RELAY_OFF, "p_relay_off", "P-PROTOCOL:behaviour") \
	X(P_ADDRESS, "p_address", "P-PROTOCOL:attempts") \
	X(P_BINARY, "p_binary", "P-PROTOCOL:websocket")
/* clang-format on */
typedef enum {
	TULLE_TAKEN = 0, /* not dropped */
#define TULLE_DROP_ENUM(name, text, clause) TULLE_DROP_##name,
	TULLE_DROPS(TULLE_DROP_ENUM)
#undef TULLE_DROP_ENUM
		TULLE_DROP_COUNT
} tulle_drop;
#endif
