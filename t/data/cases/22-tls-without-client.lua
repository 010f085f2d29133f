-- A session with TLS of which no client address is told.
-- The rules are those of the caller, t/408-missing.t.
conn = mt.connect(socket)
if conn == nil then error("no connection") end
mt.macro(conn, SMFIC_HELO, "j", "mx.test", "v", "Postfix 3.7.11",
    "{tls_version}", "TLSv1.2", "{cipher}", "ECDHE-RSA-AES128-GCM-SHA256",
    "{cipher_bits}", "128")
mt.helo(conn, "h")
mt.macro(conn, SMFIC_MAIL, "i", "Q1", "{mail_addr}", "a@tenant.example")
mt.mailfrom(conn, "<a@tenant.example>")
mt.echo("MAIL "..string.char(mt.getreply(conn)))
mt.disconnect(conn)
