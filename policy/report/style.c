/*
 * The page's style.  No style stands in the elements themselves, so that the
 * policy of the page can allow this one text by its digest and nothing else.
 * Colours differ in brightness as well as in hue, for print and for eyes that
 * do not tell red from green.
 */
#include <openssl/evp.h>
#include <string.h>

#include "policy/report/html-internal.h"

const char page_style[] =
":root{color-scheme:light dark;--page:#f4f5f7;--card:#fff;--ink:#18202b;"
"--soft:#5b6675;--line:#dfe3e8;--best:#0a5f63;--good:#58aeb0;--bad:#d9520b;"
"--stop:#a31621;--would:#c99700;--note:#eef2f5}\n"
"@media(prefers-color-scheme:dark){:root{--page:#0f141a;--card:#171e26;"
"--ink:#e8ecf1;--soft:#9aa7b5;--line:#2b3541;--best:#7fe0dc;--good:#2f8f93;"
"--bad:#ff8a4a;--stop:#ff6b70;--would:#e7bd3d;--note:#1e2731}}\n"
"*{box-sizing:border-box}\n"
"body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 "
"system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;"
"-webkit-text-size-adjust:100%;overflow-wrap:anywhere}\n"
"main{max-width:66rem;margin:0 auto;padding:2rem 1.25rem 3rem}\n"
"h1{font-size:1.7rem;line-height:1.2;margin:0 0 .3rem;letter-spacing:-.01em}\n"
"h2{font-size:1.1rem;margin:0 0 .75rem}\n"
"p{margin:.4rem 0}.soft,small,figcaption{color:var(--soft)}\n"
"header{margin-bottom:1.5rem}.lead{font-size:1.15rem;max-width:46rem}\n"
"section{background:var(--card);border:1px solid var(--line);"
"border-radius:.6rem;padding:1.1rem 1.25rem;margin:1rem 0}\n"
".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));"
"gap:.75rem;margin:1rem 0}\n"
".tile{background:var(--card);border:1px solid var(--line);"
"border-radius:.6rem;padding:.8rem 1rem}\n"
".tile b{display:block;font-size:1.55rem;line-height:1.25;font-weight:650;"
"font-variant-numeric:tabular-nums;letter-spacing:-.02em}\n"
".tile span{color:var(--soft);font-size:.85rem}\n"
".best{fill:var(--best);color:var(--best)}.good{fill:var(--good)}"
".bad{fill:var(--bad)}.stop{fill:var(--stop)}.would{fill:var(--would)}\n"
".tile .bad{color:var(--bad)}.tile .stop{color:var(--stop)}\n"
"figure{margin:0 0 1.2rem}figure:last-child{margin:0}\n"
"figcaption{display:flex;flex-wrap:wrap;gap:.15rem 1rem;font-size:.85rem;"
"margin-bottom:.35rem}figcaption strong{color:var(--ink);font-weight:600}\n"
".plot{display:block;width:100%;height:9rem;border-bottom:1px solid "
"var(--line);background:linear-gradient(var(--line),var(--line)) top/100% 1px "
"no-repeat}.low{height:3.6rem}\n"
".axis{display:flex;justify-content:space-between;color:var(--soft);"
"font-size:.78rem;font-variant-numeric:tabular-nums}\n"
".key{width:.75em;height:.75em;margin-right:.35em;border-radius:2px}\n"
".bar{display:block;width:100%;min-width:6rem;height:.6rem;margin-top:.45rem;border-radius:3px;"
"background:var(--note)}\n"
"table{width:100%;border-collapse:collapse;font-size:.9rem}\n"
"th{text-align:left;font-weight:600;color:var(--soft);font-size:.8rem;"
"border-bottom:1px solid var(--line);padding:.3rem .6rem .3rem 0;"
"vertical-align:bottom}\n"
"td{border-bottom:1px solid var(--line);padding:.4rem .6rem .4rem 0;"
"vertical-align:top}tr:last-child td{border-bottom:0}\n"
"th:last-child,td:last-child{padding-right:0}\n"
".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
".w{width:26%}code{font:.86em ui-monospace,'DejaVu Sans Mono',Menlo,monospace}\n"
"ul{list-style:none;margin:0;padding:0}\n"
"li{padding:.55rem 0 .55rem .8rem;border-left:4px solid var(--line);"
"margin:.45rem 0}li.fallback{border-color:var(--stop)}"
"li.unverified{border-color:var(--bad)}li.ends{border-color:var(--would)}"
"li.issuer,li.name{border-color:var(--good)}\n"
"h3{font-size:.95rem;margin:1rem 0 .4rem;color:var(--soft)}\n"
"details{border-left:4px solid var(--line);margin:.45rem 0;"
"padding-left:.8rem}details.fallback{border-color:var(--stop)}"
"details.unverified{border-color:var(--bad)}details.ends{border-color:"
"var(--would)}details.issuer,details.name{border-color:var(--good)}\n"
"summary{cursor:pointer;padding:.4rem 0}details li{border-left:0;padding:"
".3rem 0 .3rem 1.1rem;margin:0}\n"
"li b:first-child{margin-right:.5em}.tag{display:inline-block;"
"background:var(--note);border-radius:1em;padding:0 .65em;font-size:.78rem;"
"margin-right:.5em;color:var(--soft)}\n"
"dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;"
"margin:0}dt{color:var(--soft)}dd{margin:0}\n"
".two{display:grid;grid-template-columns:1fr 1fr;gap:0 2rem}\n"
"@media(max-width:40rem){main{padding:1.2rem .8rem 2rem}h1{font-size:1.4rem}"
"section{padding:.9rem .9rem}.two{display:block}dl{display:block}"
"dd{margin:0 0 .5rem}.plot{height:7rem}.low{height:3rem}\n"
".two div+div{margin-top:1.2rem}table.wide thead{display:none}"
"table.wide tr{display:grid;grid-template-columns:1fr 1fr;gap:0 1.4rem;"
"padding:.6rem 0;border-bottom:1px solid var(--line)}"
"table.wide tr:last-child{border:0}\n"
"table.wide td{display:flex;justify-content:space-between;gap:1rem;border:0;"
"padding:.1rem 0;text-align:right;white-space:normal}"
"table.wide td:first-child,table.wide td:not(.n){grid-column:1/-1}"
"table.wide td:first-child{display:block;text-align:left;font-weight:600}"
"table.wide td.w{width:auto}table.wide td .bar{margin:.2rem 0 .35rem}\n"
"table.wide td[data-l]:not(.w)::before{content:attr(data-l);color:var(--soft);"
"font-weight:400;text-align:left;flex:none}}\n"
"@page{margin:14mm 13mm 17mm;@bottom-right{content:counter(page)' / '"
"counter(pages);font:8pt sans-serif;color:#444}}\n"
"@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--ink:#000;"
"--soft:#444;--line:#bbb;--best:#0a5f63;--good:#58aeb0;--bad:#d9520b;"
"--stop:#a31621;--would:#c99700;--note:#eee}body{font-size:10pt;"
"line-height:1.4}main{padding:0;max-width:none}header{margin-bottom:1rem}\n"
".tiles{grid-template-columns:repeat(6,1fr);gap:.4rem}.tile{border-radius:0;"
"padding:.5rem .6rem}.tile b{font-size:1.2rem}\n"
"section{border:0;border-top:1px solid var(--ink);border-radius:0;"
"padding:.8rem 0 0;margin:1.1rem 0 0}td{padding-top:.22rem;"
"padding-bottom:.22rem}td:first-child{min-width:10rem}"
".bar{margin-top:.3rem}\n"
"details::details-content{content-visibility:visible;block-size:auto}\n"
"tr,li,figure,dl,.tiles,.two{break-inside:avoid}h2{break-after:avoid}"
"svg,.tag,.bar,li{print-color-adjust:exact;"
"-webkit-print-color-adjust:exact}}\n";

bool
page_style_hash(char out[64])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	size_t n;

	if (!EVP_Q_digest(NULL, "SHA256", NULL, page_style,
	    strlen(page_style), digest, &n))
		return false;
	memcpy(out, "sha256-", 7);
	EVP_EncodeBlock((unsigned char *)out + 7, digest, (int)n);
	return true;
}
