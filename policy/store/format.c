/* Sums are filter.h's: here of an entry, and of what the info says. */
#include <string.h>

#include "policy/store/format.h"

uint64_t
format_sum(const MDB_val *key, const MDB_val *value)
{
	return filter_sum(filter_sum(1, key->mv_data, key->mv_size),
	    value->mv_data, value->mv_size);
}

uint64_t
format_check(const void *info, size_t n)
{
	unsigned char copy[FORMAT_INFO_MAX];

	memcpy(copy, info, n);
	memset(copy + n - sizeof(uint64_t), 0, sizeof(uint64_t));
	return filter_sum(1, copy, n);
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

bool
format_is(struct slice key, enum format_system word)
{
	return key.n >= 2 && key.p[0] == FORMAT_SYSTEM &&
	    key.p[1] == (char)word;
}

bool
format_is_apart(struct slice key)
{
	return format_is(key, FORMAT_GENERATION) ||
	    format_is(key, FORMAT_SYNCED);
}

bool
format_read_info(struct slice value, const char *path,
    struct format_info *info, struct fault *fault)
{
	if (value.n < 16 || memcmp(value.p, FORMAT_MAGIC, 8) != 0)
		return fault_set(fault, FAULT_DATA, "%s: an LMDB file, but "
		    "not a tlspolicy store", path);
	memset(info, 0, sizeof *info);
	memcpy(info, value.p, value.n < sizeof *info ? value.n :
	    sizeof *info);
	if (info->version >= FORMAT_OLDEST && info->order == FORMAT_ORDER &&
	    (info->version < FORMAT_VERSION ||
	    (info->version == FORMAT_VERSION && value.n != sizeof *info)))
		return fault_set(fault, FAULT_DATA, "%s: format version %u, of "
		    "an older version of this program; `tlspolicy build "
		    "--upgrade' takes its rules over", path,
		    (unsigned)info->version);
	if (info->version != FORMAT_VERSION || info->order != FORMAT_ORDER ||
	    value.n != sizeof *info)
		return fault_set(fault, FAULT_DATA, "%s: format version %u of "
		    "another program or machine; expected %d (remove it and "
		    "build again)", path, (unsigned)info->version,
		    FORMAT_VERSION);
	return true;
}
