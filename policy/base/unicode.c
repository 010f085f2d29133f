#include <stdlib.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

#include "policy/base/unicode.h"

bool
unicode_put_caseless(struct text *out, struct slice s)
{
	enum { ROOM = 256 };
	const uint8_t *bytes = (const uint8_t *)s.p;
	uint8_t room[ROOM], *form;
	size_t n = sizeof room;

	if (slice_is_ascii(s) || u8_check(bytes, s.n) != NULL) {
		text_put_lower(out, s);
		return true;
	}
	form = u8_casefold(bytes, s.n, NULL, UNINORM_NFC, room, &n);
	if (form == NULL)
		return false;
	text_put(out, slice_make((const char *)form, n));
	if (form != room)
		free(form);
	return true;
}
