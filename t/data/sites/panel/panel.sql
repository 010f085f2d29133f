CREATE TABLE partner (domain TEXT PRIMARY KEY, action TEXT, active INT);
INSERT INTO partner VALUES
  ('bank.example', 'need_tls', 1),
  ('news.bank.example', 'OK', 1),
  ('clinic.example', 'warn_if_reject need_tls', 1),
  ('pay@shop.example', 'need_tls', 1),
  ('other@bank.example', 'DUNNO', 1),
  ('spam.example', 'REJECT', 1),
  ('left.example', 'need_tls', 0);
CREATE TABLE domain (domain TEXT PRIMARY KEY, tls_enforce_in INT);
INSERT INTO domain VALUES ('example.org', 0), ('sub.example.org', 1);
CREATE TABLE mailbox (username TEXT PRIMARY KEY, tls_enforce_in INT);
INSERT INTO mailbox VALUES
  ('payroll@example.org', 1),
  ('joe@example.org', NULL),
  ('joe@sub.example.org', NULL),
  ('printer@sub.example.org', 0);
CREATE VIEW tls_in AS
  SELECT domain AS key, 'need_tls' AS action FROM domain
    WHERE tls_enforce_in = 1
  UNION ALL SELECT username,
    CASE tls_enforce_in WHEN 1 THEN 'need_tls' ELSE 'DUNNO' END FROM mailbox
    WHERE tls_enforce_in IS NOT NULL;
CREATE TABLE tls_policy (id INTEGER PRIMARY KEY, dest TEXT, policy TEXT,
  parameters TEXT NOT NULL DEFAULT '', active INT DEFAULT 1);
INSERT INTO tls_policy (dest, policy, parameters) VALUES
  ('bank.example', 'secure', 'match=.bank.example:mx.partner.example'),
  ('branch.bank.example', 'encrypt', ''),
  ('city.example', 'encrypt', 'ciphers=high protocols=>=TLSv1.2'),
  ('.city.example', 'may', ''),
  ('port.example', 'dane-only', ''),
  ('clinic.example', 'secure', ''),
  ('.clinic.example', 'secure', ''),
  ('two.example', 'secure', 'match=nexthop:mx2.two.example'),
  ('old.example', 'verify', ''),
  ('print.example', 'fingerprint', 'match=AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA'),
  ('open.example', 'may', ''),
  ('broken.example', 'none', ''),
  ('[mx.relay.example]', 'encrypt', ''),
  ('[relay.example]:25', 'secure', 'match=relay.example');
INSERT INTO tls_policy (dest, policy, active) VALUES ('off.example', 'secure', 0);
