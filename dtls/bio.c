/* SPDX-License-Identifier: MIT */
/* dtls: the BIO under OpenSSL. One write is one datagram and is never refused; one read gives one
 * datagram. (A memory BIO loses the bounds of datagrams and costs another copy.) */
#include "dtls/engine.h"

#include <openssl/bio.h>
#include <string.h>

bool tulle_dtls_box_put(dtls_box *box, const uint8_t *data, size_t len)
{
	if (box->count == 0) {
		box->used = box->head = box->first = 0;
		box->number++;
	}
	if (box->first + box->count >= box->count_max || box->bytes_max - box->used < len)
		return false;
	memcpy(box->bytes + box->used, data, len);
	box->used += len;
	box->lengths[box->first + box->count++] = (uint16_t)len;
	return true;
}

tulle_bytes tulle_dtls_box_first(const dtls_box *box)
{
	return (tulle_bytes){
		box->bytes + box->head, box->count != 0 ? box->lengths[box->first] : 0};
}

void tulle_dtls_box_pop(dtls_box *box)
{
	box->head += box->lengths[box->first];
	box->first++;
	box->count--;
}

bool tulle_dtls_box_at(const dtls_box *box, size_t i, tulle_bytes *out)
{
	size_t at = 0;
	if (i >= (size_t)box->first + box->count)
		return false;
	for (size_t k = 0; k < i; k++)
		at += box->lengths[k];
	*out = (tulle_bytes){box->bytes + at, box->lengths[i]};
	return true;
}

static int bio_write(BIO *bio, const char *data, int len)
{
	tulle_dtls *d = BIO_get_data(bio);
	if (len <= 0)
		return 0;
	size_t n = (size_t)len;
	if (d->direct != NULL && d->direct_len == 0 && n <= d->direct_bytes) {
		memcpy(d->direct, data, n);
		d->direct_len = n;
		return len;
	}
	/* A full box is a lossy network: OpenSSL's timer sends the flight again. */
	(void)tulle_dtls_box_put(&d->flight, (const uint8_t *)data, n);
	return len;
}

static int bio_read(BIO *bio, char *dst, int len)
{
	tulle_dtls *d = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (d->input.len == 0 || len <= 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	size_t n = d->input.len < (size_t)len ? d->input.len : (size_t)len;
	memcpy(dst, d->input.ptr, n);
	d->input.len = 0;
	return (int)n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio, (void)number, (void)pointer;
	return command == BIO_CTRL_FLUSH ? 1 : 0; /* DGRAM_GET_MTU_OVERHEAD: 0 */
}

static int bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

BIO_METHOD *tulle_dtls_make_bio(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "tulle datagram");
	if (m == NULL)
		return NULL;
	BIO_meth_set_write(m, bio_write);
	BIO_meth_set_read(m, bio_read);
	BIO_meth_set_ctrl(m, bio_ctrl);
	BIO_meth_set_create(m, bio_create);
	return m;
}
