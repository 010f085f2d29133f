/*
 * OpenSSL passes over a word of a cipher list that it does not know, as long as
 * another one means something.  Which words it knows it does not tell: a word
 * that alone selects nothing may be one for suites that this OpenSSL was built
 * without.  So the words of openssl-ciphers(1) stand here.
 */
#include <string.h>

#include "policy/facts/suite.h"

static const char *const words[] = {
	"3DES", "ADH", "AECDH", "AES", "AES128", "AES256", "AESCCM",
	"AESCCM8", "AESGCM", "ALL", "ARIA", "ARIA128", "ARIA256", "CAMELLIA",
	"CAMELLIA128", "CAMELLIA256", "CBC", "CHACHA20", "COMPLEMENTOFALL",
	"COMPLEMENTOFDEFAULT", "DEFAULT", "DES", "DH", "DHE", "DSS", "ECDH",
	"ECDHE", "ECDSA", "EDH", "EECDH", "EXP", "EXPORT", "EXPORT40",
	"EXPORT56", "GOST89MAC", "GOST94", "HIGH", "IDEA", "KRB5", "LOW",
	"MD5", "MEDIUM", "NULL", "PSK", "RC2", "RC4", "RSA", "SEED", "SHA",
	"SHA1", "SHA256", "SHA384", "SRP", "SSLv2", "SSLv3", "SUITEB128",
	"SUITEB128C2", "SUITEB128ONLY", "SUITEB192", "TLSv1", "TLSv1.0",
	"TLSv1.2", "aDH", "aDSS", "aECDH", "aECDSA", "aGOST", "aGOST01",
	"aKRB5", "aNULL", "aPSK", "aRSA", "aSRP", "eNULL", "kDH", "kDHE",
	"kDHEPSK", "kDHd", "kDHr", "kECDH", "kECDHE", "kECDHEPSK", "kEDH",
	"kEECDH", "kGOST", "kKRB5", "kPSK", "kRSA", "kRSAPSK", "kSRP"
};

static enum suite_words
ask(struct slice word)
{
	uint16_t ids[SUITE_LIST_MAX];
	struct fault fault;
	size_t n;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (slice_is(word, words[i]))
			return SUITE_WORDS_KNOWN;
	if (suite_find(word) != NULL || suite_list(word, ids, &n, &fault))
		return SUITE_WORDS_KNOWN;
	return fault.kind == FAULT_SOFTWARE ? SUITE_WORDS_FAILED :
	    SUITE_WORDS_UNKNOWN;
}

static void
find_nearest(struct slice word, struct nearest *nearest)
{
	nearest_init(nearest, word);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		nearest_offer(nearest, slice_of(words[i]));
	for (size_t i = 0; i < suite_count(); i++)
		nearest_offer(nearest, slice_of(suite_at(i)->name));
}

/* Words joined by +.  An excluded suite may be one that OpenSSL has dropped. */
static enum suite_words
ask_joined(struct slice joined, bool left_out, struct nearest *nearest)
{
	enum suite_words known;

	while (joined.n > 0) {
		size_t plus = slice_find(joined, '+');
		struct slice word = slice_make(joined.p, plus);

		joined = slice_from(joined, plus < joined.n ? plus + 1 : plus);
		known = ask(word);
		if (known == SUITE_WORDS_KNOWN)
			continue;
		find_nearest(word, nearest);
		if (known == SUITE_WORDS_FAILED || !left_out ||
		    nearest->word.n > 0)
			return known;
	}
	return SUITE_WORDS_KNOWN;
}

/* @STRENGTH, @SECLEVEL=n */
static bool
is_order(struct slice word)
{
	return slice_is(word, "@STRENGTH") ||
	    (word.n == sizeof "@SECLEVEL=n" - 1 &&
	    memcmp(word.p, "@SECLEVEL=", word.n - 1) == 0 &&
	    word.p[word.n - 1] >= '0' && word.p[word.n - 1] <= '5');
}

enum suite_words
suite_list_words(struct slice list, struct nearest *nearest)
{
	enum suite_words known = SUITE_WORDS_KNOWN;

	while (known == SUITE_WORDS_KNOWN && list.n > 0) {
		struct slice word = suite_list_word(&list);
		bool sign = word.n > 0 && strchr("!-+", word.p[0]) != NULL;
		bool left_out = sign && word.p[0] != '+';
		size_t at = slice_find(word, '@');

		/* The level may stick to a word: DEFAULT@SECLEVEL=0. */
		if (at < word.n && !is_order(slice_from(word, at))) {
			nearest_init(nearest, slice_from(word, at));
			nearest_offer(nearest, slice_of("@STRENGTH"));
			nearest_offer(nearest, slice_of("@SECLEVEL=2"));
			return SUITE_WORDS_UNKNOWN;
		}
		word = slice_make(word.p, at);
		known = ask_joined(slice_from(word, sign ? 1 : 0), left_out,
		    nearest);
	}
	return known;
}
