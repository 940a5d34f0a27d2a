/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-anonymizer-words.c: the words that stay in a recording without personal data.
 */
#include "milter-anonymizer-words.h"

#include <string.h>

/* longer ones are not known */
#define MAX_WORD 64u

/**
 * Context:
 * @flags: what else stays
 * @words: stay, in any case. With `=` at the end: where that follows; with `=#`: a number behind
 * it, too
 * @headers: fields whose values are read so
 * @macros: the same of macros, without braces
 */
typedef struct
{
  MilterContextFlags flags;
  const char *words;
  const char *headers;
  const char *macros;
} Context;

/* clang-format off */
#define TLS_WORDS \
  "tlsv1 tlsv1.1 tlsv1.2 tlsv1.3 sslv3 tls1_2 tls1_3 " \
  "tls_aes_128_gcm_sha256 tls_aes_256_gcm_sha384 tls_chacha20_poly1305_sha256 " \
  "ecdhe-rsa-aes128-gcm-sha256 ecdhe-rsa-aes256-gcm-sha384 ecdhe-rsa-chacha20-poly1305 " \
  "ecdhe-ecdsa-aes128-gcm-sha256 ecdhe-ecdsa-aes256-gcm-sha384 ecdhe-ecdsa-chacha20-poly1305 " \
  "dhe-rsa-aes128-gcm-sha256 dhe-rsa-aes256-gcm-sha384 aes128-gcm-sha256 aes256-gcm-sha384 "

/* the address of an envelope, its parts, and whatever is one address */
#define ADDRESS_HEADERS \
  "from to cc bcc sender reply-to return-path errors-to delivered-to envelope-to envelope-from " \
  "resent-from resent-to resent-cc resent-bcc resent-sender resent-reply-to x-original-to " \
  "x-envelope-from x-envelope-to x-forwarded-to x-forwarded-for return-receipt-to apparently-to " \
  "disposition-notification-to mail-followup-to mail-reply-to x-originating-ip x-sender-ip " \
  "x-client-ip final-recipient original-recipient x-failed-recipients "

static const Context contexts[MILTER_N_CONTEXTS] = {
  [MILTER_CONTEXT_TEXT] = {
    0,
    "",
    /* known as names; of their values nothing stays */
    "subject message-id in-reply-to references user-agent organization organisation comments keywords "
    "status thread-topic thread-index resent-message-id content-id content-description content-location "
    "content-language content-md5 feedback-id reporting-mta arrival-date action diagnostic-code remote-mta",
    "i msg_id currheader server_name server_addr",
  },
  [MILTER_CONTEXT_ADDRESS] = {
    MILTER_CONTEXT_HOSTS,
    "undisclosed-recipients rfc822 may be forged mta msa",
    ADDRESS_HEADERS,
    "j _ daemon_name daemon_addr if_name if_addr client_name client_addr client_ptr mail_addr mail_host "
    "rcpt_addr rcpt_host f s u auth_authen auth_author",
  },
  [MILTER_CONTEXT_RECEIVED] = {
    MILTER_CONTEXT_HOSTS | MILTER_CONTEXT_DATES,
    "from by via with id for using cipher bits verified no client certificate requested not present "
    "ok key-exchange server-signature server-digest client-signature client-digest x25519 secp256r1 "
    "rsa-pss ecdsa sha256 sha384 smtp esmtp esmtps esmtpa esmtpsa smtps lmtp lmtps lmtpa lmtpsa utf8smtp "
    "utf8smtps utf8smtpsa http https local microsoft mapi internal postfix sendmail exim helo= ehlo= "
    "may be forged envelope-from envelope-from= authenticated sender sender: tcp "
    TLS_WORDS,
    "received x-received",
    "r",
  },
  [MILTER_CONTEXT_DATE] = {
    MILTER_CONTEXT_DATES, "",
    "date resent-date delivery-date expires expiry-date reply-by deferred-delivery",
    "a b d",
  },
  [MILTER_CONTEXT_MIME] = {
    0,
    /* types */
    "text/plain text/html text/calendar text/enriched text/richtext text/csv text/xml text/markdown "
    "text/rfc822-headers text/x-vcard text/vcard multipart/mixed multipart/alternative multipart/related "
    "multipart/report multipart/signed multipart/encrypted multipart/digest multipart/parallel "
    "multipart/form-data message/rfc822 message/global message/partial message/external-body "
    "message/delivery-status message/disposition-notification message/feedback-report image/png "
    "image/jpeg image/gif image/bmp image/webp image/svg+xml image/tiff audio/mpeg audio/wav video/mp4 "
    "application/octet-stream application/pdf application/zip application/msword application/json "
    "application/xml application/rtf application/x-zip-compressed application/gzip application/ics "
    "application/vnd.ms-excel application/vnd.ms-powerpoint application/pgp-signature "
    "application/pgp-encrypted application/pkcs7-mime application/x-pkcs7-mime "
    "application/pkcs7-signature application/x-pkcs7-signature application/javascript "
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document "
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet "
    "application/vnd.openxmlformats-officedocument.presentationml.presentation application/ms-tnef "
    /* parameters and their values */
    "charset= format= flowed fixed delsp= yes no boundary= name= filename= type= start= start-info= "
    "protocol= micalg= pgp-sha1 pgp-sha256 pgp-sha512 sha1 sha-1 sha256 sha-256 sha-512 md5 "
    "report-type= delivery-status disposition-notification feedback-report smime-type= signed-data "
    "enveloped-data method= request reply cancel size=# creation-date= modification-date= read-date= "
    "access-type= inline attachment form-data 1.0 7bit 8bit binary base64 quoted-printable x-unix-mode= "
    "reply-type= original response "
    /* character sets */
    "utf-8 utf8 utf-16 utf-16le utf-16be utf-7 us-ascii ascii iso-8859-1 iso-8859-2 iso-8859-3 iso-8859-4 "
    "iso-8859-5 iso-8859-6 iso-8859-7 iso-8859-8 iso-8859-8-i iso-8859-9 iso-8859-10 iso-8859-13 "
    "iso-8859-14 iso-8859-15 iso-8859-16 windows-1250 windows-1251 windows-1252 windows-1253 "
    "windows-1254 windows-1255 windows-1256 windows-1257 windows-1258 koi8-r koi8-u big5 gb2312 gbk "
    "gb18030 shift_jis euc-jp euc-kr iso-2022-jp iso-2022-kr hz-gb-2312 ks_c_5601-1987 tis-620",
    "mime-version content-type content-transfer-encoding content-disposition",
    "",
  },
  [MILTER_CONTEXT_SIGNATURE] = {
    MILTER_CONTEXT_NAMES,
    "v=# a= c= d= s= i=# b= bh= h= q= t= x= l=# z= r= cv= none pass fail rsa-sha256 rsa-sha1 "
    "ed25519-sha256 relaxed/relaxed relaxed/simple simple/relaxed simple/simple relaxed simple nofws "
    "dns/txt dns",
    "dkim-signature domainkey-signature arc-seal arc-message-signature x-google-dkim-signature",
    "",
  },
  [MILTER_CONTEXT_RESULTS] = {
    MILTER_CONTEXT_HOSTS,
    "i=# 1 pass fail softfail neutral none temperror permerror policy hardfail discard dkim= spf= dmarc= "
    "arc= auth= iprev= sender-id= dkim-adsp= dkim-atps= domainkeys= bimi= smime= dnswl= header.d= "
    "header.i= header.a= header.s= header.b= header.from= smtp.mailfrom= smtp.helo= smtp.auth= "
    "smtp.mfrom= smtp.rcptto= smtp.client-ip= smtp.remote-ip= policy.iprev= policy.dmarc= policy.ptype= "
    "reason= p= sp= dis= action= client-ip= envelope-from= helo= identity= mailfrom receiver= "
    "mechanism= problem= x-software= rsa-sha256 rsa-sha1 ed25519-sha256",
    "authentication-results arc-authentication-results received-spf dmarc-filter "
    "authentication-results-original x-dkim-result",
    "",
  },
  [MILTER_CONTEXT_KEYWORD] = {
    0,
    "yes no clean infected bulk list junk first-class normal low high urgent non-urgent auto-generated "
    "auto-replied auto-notified all none oof dr rn nrn autoreply 1 2 3 4 5 list-unsubscribe= one-click "
    "smtp esmtp local relay discard error virtual lmtp uucp dsmtp esmtpa esmtps esmtpsa pipe prog ok fail "
    "forged temp smtps procmail postfix sendmail clamav-milter",
    "precedence importance priority x-priority x-msmail-priority auto-submitted x-spam-flag "
    "x-virus-status x-virus-scanned x-auto-response-suppress list-unsubscribe-post sensitivity",
    "client_resolve mail_mailer rcpt_mailer v addr_type opmode deliverymode client_flags daemon_flags",
  },
  [MILTER_CONTEXT_LIST] = {
    MILTER_CONTEXT_HOSTS, "mailto http https no",
    "list-id list-post list-help list-archive list-subscribe list-unsubscribe list-owner archived-at",
    "",
  },
  [MILTER_CONTEXT_COUNT] = {
    MILTER_CONTEXT_NUMBERS, "", "content-length lines x-spam-score x-spam-level",
    "nrcpts ntries nbadrcpts client_connections total_rate client_rate load_avg msg_size hopcount "
    "daemon_port cipher_bits auth_ssf deliver_count queueinterval",
  },
  [MILTER_CONTEXT_CLIENT_PORT] = { MILTER_CONTEXT_PORT, "", "", "client_port if_port" },
  [MILTER_CONTEXT_TLS] = {
    0, "plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256 gssapi ntlm external xoauth2 "
    "oauthbearer ok no none fail not temp protocol software 0 "
    TLS_WORDS,
    "", "tls_version cipher verify auth_type",
  },
  [MILTER_CONTEXT_PARAMETER] = {
    MILTER_CONTEXT_XTEXT | MILTER_CONTEXT_HOSTS,
    "size=# body= 7bit 8bitmime binarymime smtputf8 ret= full hdrs envid= orcpt= rfc822 utf-8 notify= "
    "never success failure delay auth= by=# holdfor=# holduntil= mt-priority=# requiretls mtrk= rrvs= "
    "conperm",
    "",
    "dsn_envid dsn_notify dsn_ret cn_subject cn_issuer cert_subject cert_issuer cert_md5",
  },
  [MILTER_CONTEXT_REPLY] = {
    MILTER_CONTEXT_CODES,
    "command rejected service unavailable try again later please access denied temporarily greylisted "
    "greylisting deferred",
    "", "quarantine",
  },
  [MILTER_CONTEXT_COMMAND] = {
    MILTER_CONTEXT_HOSTS,
    "ehlo helo lhlo mail rcpt data bdat rset noop quit vrfy expn help etrn auth starttls xclient xforward "
    "turn atrn burl from to plain login cram-md5 digest-md5 gssapi ntlm external xoauth2 oauthbearer",
    "", "",
  },
  /* what readers of recordings remark */
  [MILTER_CONTEXT_NOTE] = {
    MILTER_CONTEXT_NUMBERS,
    "a an the of in to is are was were not no known here ip tcp udp fragment fragments packet packets put "
    "together more less link type bytes byte frame frames that this these behind before hole which with and "
    "or connection connections from by mta milter it its they their begin begins belong belongs captured cut left "
    "out missing recorded capture snapshot length line lines trace milters such other headers whole same "
    "given up because than open at time beginning messages do match",
    "", "",
  },
};
/* clang-format on */

static char *
fold (const char *from, gsize size, char *word)
{
  for (gsize i = 0; i < size; i++)
    word[i] = g_ascii_tolower (from[i]);
  word[size] = '\0';
  return word;
}

/* each of the words between blanks */
static void
add_words (GHashTable *table, const char *words, guint value)
{
  g_auto (GStrv) list = g_strsplit (words, " ", -1);

  for (char **word = list; *word != NULL; word++)
    if (**word != '\0')
      g_hash_table_insert (table, g_strdup (*word), GUINT_TO_POINTER (value));
}

static void
add_known_words (GHashTable *table, const char *words)
{
  g_auto (GStrv) list = g_strsplit (words, " ", -1);

  for (char **word = list; *word != NULL; word++)
    {
      MilterWordKind kind = g_str_has_suffix (*word, "=#")  ? MILTER_WORD_NUMBER_KEY
                            : g_str_has_suffix (*word, "=") ? MILTER_WORD_KEY
                                                            : MILTER_WORD_KNOWN;
      gsize size = strlen (*word) - (kind == MILTER_WORD_NUMBER_KEY ? 2 : kind == MILTER_WORD_KEY);

      g_hash_table_insert (table, g_strndup (*word, size), GUINT_TO_POINTER (kind));
    }
}

static GHashTable *
new_table (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

void
milter_known_words_init (MilterKnownWords *known)
{
  known->headers = new_table ();
  known->macros = new_table ();
  for (guint i = 0; i < MILTER_N_CONTEXTS; i++)
    {
      known->words[i] = new_table ();
      add_known_words (known->words[i], contexts[i].words);
      add_words (known->headers, contexts[i].headers, i);
      add_words (known->macros, contexts[i].macros, i);
    }
}

void
milter_known_words_clear (MilterKnownWords *known)
{
  for (guint i = 0; i < MILTER_N_CONTEXTS; i++)
    g_clear_pointer (&known->words[i], g_hash_table_unref);
  g_clear_pointer (&known->headers, g_hash_table_unref);
  g_clear_pointer (&known->macros, g_hash_table_unref);
}

MilterContextFlags
milter_context_get_flags (MilterContextId context)
{
  return contexts[context].flags;
}

static gpointer
find (GHashTable *table, MilterBytes name)
{
  char word[MAX_WORD + 1];

  if (name.size == 0 || name.size > MAX_WORD || memchr (name.data, '\0', name.size) != NULL)
    return NULL;
  return g_hash_table_lookup (table, fold ((const char *) name.data, name.size, word));
}

MilterContextId
milter_known_words_header (const MilterKnownWords *known, MilterBytes name)
{
  return GPOINTER_TO_UINT (find (known->headers, name));
}

static MilterBytes
without_braces (MilterBytes name)
{
  if (name.size >= 2 && name.data[0] == '{' && name.data[name.size - 1] == '}')
    return milter_bytes (name.data + 1, name.size - 2);
  return name;
}

MilterContextId
milter_known_words_macro (const MilterKnownWords *known, MilterBytes name)
{
  return GPOINTER_TO_UINT (find (known->macros, without_braces (name)));
}

static bool
contains (GHashTable *table, MilterBytes name)
{
  char word[MAX_WORD + 1];

  if (name.size == 0 || name.size > MAX_WORD || memchr (name.data, '\0', name.size) != NULL)
    return false;
  return g_hash_table_contains (table, fold ((const char *) name.data, name.size, word));
}

bool
milter_known_words_is_header (const MilterKnownWords *known, MilterBytes name)
{
  return contains (known->headers, name);
}

bool
milter_known_words_is_macro (const MilterKnownWords *known, MilterBytes name)
{
  return contains (known->macros, without_braces (name));
}

MilterWordKind
milter_known_words_find (const MilterKnownWords *known, MilterContextId context, MilterBytes word)
{
  return GPOINTER_TO_UINT (find (known->words[context], word));
}
