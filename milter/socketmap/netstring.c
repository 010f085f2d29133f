/* A bad length is seen at its first wrong byte, not when it all has come. */
#include "milter/socketmap/netstring.h"

enum netstring_result
netstring_read(struct slice bytes, struct slice *content, size_t *used)
{
	size_t length = 0, i = 0;

	for (; i < bytes.n && bytes.p[i] != ':'; i++) {
		if (bytes.p[i] < '0' || bytes.p[i] > '9' ||
		    (i == 1 && bytes.p[0] == '0'))
			return NETSTRING_BAD;
		length = length * 10 + (size_t)(bytes.p[i] - '0');
		if (length > NETSTRING_MAX)
			return NETSTRING_BAD;
	}
	if (i == bytes.n)
		return NETSTRING_PARTIAL;
	if (i == 0)
		return NETSTRING_BAD;
	bytes = slice_from(bytes, i + 1);
	if (bytes.n > length && bytes.p[length] != ',')
		return NETSTRING_BAD;
	if (bytes.n <= length)
		return NETSTRING_PARTIAL;
	*content = slice_make(bytes.p, length);
	*used = i + 1 + length + 1;
	return NETSTRING_WHOLE;
}
