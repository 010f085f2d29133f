#include <stdlib.h>

#include "policy/base/jsontext.h"

json_t *
jsontext_string(struct slice s)
{
	json_t *string = json_stringn(s.p == NULL ? "" : s.p, s.n);
	char *ascii;

	if (string != NULL || (ascii = malloc(s.n + 1)) == NULL)
		return string;
	for (size_t i = 0; i < s.n; i++)
		ascii[i] = (unsigned char)s.p[i] < 0x80 ? s.p[i] : '?';
	string = json_stringn(ascii, s.n);
	free(ascii);
	return string;
}

json_t *
jsontext_cstring(const char *s)
{
	return s == NULL ? json_null() : jsontext_string(slice_of(s));
}
