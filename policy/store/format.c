/*
 * LMDB keeps no checksums, and a changed byte in a key would make a rule
 * vanish without a trace.  CRC-32 finds every change of up to 32 bits in a
 * row, for certain; who can forge it can write the store anyway.
 */
#include <string.h>
#include <zlib.h>

#include "policy/store/format.h"

uint64_t
format_sum(const MDB_val *key, const MDB_val *value)
{
	uLong crc = crc32_z(0, key->mv_data, key->mv_size);

	crc = crc32_z(crc, value->mv_data, value->mv_size);
	return (uint64_t)key->mv_size << 32 | (uint64_t)crc;
}

uint64_t
format_check(const struct format_info *info)
{
	struct format_info copy;

	memcpy(&copy, info, sizeof copy);
	copy.check = 0;
	return crc32_z(0, (const unsigned char *)&copy, sizeof copy);
}

size_t
format_list_key(struct slice list, unsigned char key[KEY_MAX])
{
	size_t n = 0;

	key[n++] = FORMAT_SYSTEM;
	key[n++] = FORMAT_LIST;
	memcpy(key + n, list.p, list.n);
	n += list.n;
	if (n % 2 != 0)
		key[n++] = '\0';
	return n;
}
