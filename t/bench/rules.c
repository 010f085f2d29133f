/*
 * Keys are made from the rule's number by permutations, so that neighbours in
 * the file are strangers in the sorted store, as in a file kept by people.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "t/bench/random.h"
#include "t/bench/rules.h"

/* Independent sequences drawn from one seed. */
enum { DRAW_KIND = 1, DRAW_NAME, DRAW_TLD, DRAW_HOST, DRAW_NEED, DRAW_ADDR };

static const struct share {
	const char *tag;
	unsigned percent;
} shares[] = {
	[RULES_CLIENT_HOST] = { "TLS_Clt", 24 },
	[RULES_CLIENT_DOMAIN] = { "TLS_Clt", 12 },
	[RULES_CLIENT_ADDR4] = { "TLS_Clt", 10 },
	[RULES_CLIENT_ADDR6] = { "TLS_Clt", 4 },
	[RULES_CLIENT_NET4] = { "TLS_Clt", 6 },
	[RULES_CLIENT_NET6] = { "TLS_Clt", 2 },
	[RULES_FROM_DOMAIN] = { "TLS_From", 22 },
	[RULES_FROM_ADDRESS] = { "TLS_From", 10 },
	[RULES_TO_DOMAIN] = { "TLS_To", 6 },
	[RULES_TO_ADDRESS] = { "TLS_To", 4 },
};

static const char *const tlds[] = { "com", "org", "net", "de", "co.uk", "fr",
	"nl", "ch", "at", "it", "com.au", "se", "pl", "cz", "example", "jp" };
static const char *const hosts[] = { "mx1", "mx2", "mail", "smtp-out", "relay",
	"mta3", "outbound", "gw" };
static const char *const users[] = { "payroll", "info", "j.smith", "hr",
	"orders", "m.mueller", "claims", "noreply" };

/* Every one of them holds for TLS 1.3 with a verified certificate. */
static const char *const needs[] = { "ENCR:112", "ENCR:128", "VERIFY",
	"VERIFY:128", "TEMP+ENCR:128", "PERM+ENCR:256", "PERM+VERIFY:128",
	"TEMP+VERIFY:128+CN", "ENCR:128+VER:1.2", "TEMP+ENCR:128+VER:1.2++PFS",
	"PERM+ENCR:128+AEAD", "VERIFY:128+ICN:" RULES_ISSUER,
	"WARN+VERIFY:128", "ENCR:128+BY:ticket-4711",
	"PERM+VERIFY:256+CN++ICN:" RULES_ISSUER "++VER:1.2",
	"VERIFY+UNTIL:2099-12-31" };

#define PICK(table, r) ((table)[(r) % (sizeof(table) / sizeof((table)[0]))])

static uint64_t
draw(uint64_t seed, uint64_t sequence, uint64_t n)
{
	return random_at(random_at(seed, sequence), n);
}

enum rules_kind
rules_kind(uint64_t seed, uint32_t i)
{
	unsigned percent = (unsigned)(draw(seed, DRAW_KIND, i) % 100);
	unsigned kind = 0;

	while (percent >= shares[kind].percent)
		percent -= shares[kind++].percent;
	return (enum rules_kind)kind;
}

/* Five syllables of six bits each spell a number below 2^30. */
void
rules_domain(uint64_t seed, uint32_t i, char *out)
{
	uint32_t code =
	    random_permute(random_at(seed, DRAW_NAME), i % (1U << 30), 30);

	for (int n = 0; n < 5; n++, code >>= 6) {
		*out++ = "bdfghjklmnprstvz"[code & 15];
		*out++ = "aeio"[(code >> 4) & 3];
	}
	*out++ = '.';
	strcpy(out, PICK(tlds, draw(seed, DRAW_TLD, i)));
}

static bool
unicast4(uint32_t top)
{
	return top > 0 && top < 224 && top != 10 && top != 127;
}

/*
 * A different public IPv4 network of the given prefix length for each i.  The
 * permutation is repeated until it lands on a public one; as it also starts
 * from one (16.0.0.0 plus i), no two walks meet.
 */
static uint32_t
network4(uint64_t seed, uint32_t i, unsigned bits)
{
	uint32_t n = i + (16U << (bits - 8));

	if (n >> (bits - 8) >= 127)
		n += 1U << (bits - 8);
	do
		n = random_permute(random_at(seed, DRAW_ADDR), n, bits);
	while (!unicast4(n >> (bits - 8)));
	return bits == 32 ? n : n << (32 - bits);
}

static void
print4(char *out, uint32_t a)
{
	snprintf(out, RULES_NAME, "%u.%u.%u.%u", a >> 24, (a >> 16) & 255,
	    (a >> 8) & 255, a & 255);
}

/* Host number host of network i, a /48 below 2a00::/12. */
static void
print6(uint64_t seed, uint32_t i, uint32_t host, char *out)
{
	uint32_t n = random_permute(random_at(seed, DRAW_ADDR), i, 32);

	snprintf(out, RULES_NAME, "2a%02x:%x:%x:0:0:0:%x:%x", n >> 28,
	    (n >> 12) & 0xffff, n & 0xfff, host >> 16, host & 0xffff);
}

void
rules_address(uint64_t seed, uint32_t i, uint32_t host, char *out)
{
	switch (rules_kind(seed, i)) {
	case RULES_CLIENT_ADDR6:
		print6(seed, i, 0x19, out);
		break;
	case RULES_CLIENT_NET6:
		print6(seed, i, host, out);
		break;
	case RULES_CLIENT_NET4:
		if (i < RULES_MAX) {
			print4(out, network4(seed, i, 24) | (host & 255));
			break;
		}
		/* FALLTHROUGH */
	default:
		print4(out, network4(seed, i, 32));
	}
}

void
rules_what(uint64_t seed, uint32_t i, char *out)
{
	enum rules_kind kind = rules_kind(seed, i);
	uint64_t r = draw(seed, DRAW_HOST, i);
	char name[RULES_NAME / 2];

	rules_domain(seed, i, name);
	switch (kind) {
	case RULES_CLIENT_HOST:
		snprintf(out, RULES_NAME, "%s.%s", PICK(hosts, r), name);
		break;
	case RULES_CLIENT_ADDR4:
	case RULES_CLIENT_ADDR6:
		rules_address(seed, i, 0, out);
		break;
	case RULES_CLIENT_NET4:
		print4(out, network4(seed, i, 24));
		strcat(out, "/24");
		break;
	case RULES_CLIENT_NET6:
		print6(seed, i, 0, out);
		strcat(out, "/48");
		break;
	case RULES_FROM_ADDRESS:
	case RULES_TO_ADDRESS:
		snprintf(out, RULES_NAME, "%s@%s", PICK(users, r), name);
		break;
	default:
		strcpy(out, name);
	}
}

void
rules_key(uint64_t seed, uint32_t i, char *out)
{
	enum rules_kind kind = rules_kind(seed, i);
	char what[RULES_NAME];

	rules_what(seed, i, what);
	snprintf(out, RULES_NAME, "%.10s:%s%.110s", shares[kind].tag,
	    kind == RULES_CLIENT_ADDR6 ? "IPv6:" : "", what);
}

const char *
rules_requirement(uint64_t seed, uint32_t i)
{
	return PICK(needs, draw(seed, DRAW_NEED, i));
}
