/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-mta-sink-session.c: mail that an MTA delivers, by SMTP and by LMTP.
 */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

#include "mta-sink-session.h"

/* as one text, for comparing */
static void
on_delivered (MtaDelivered *delivered, gpointer user_data)
{
  GString *text = user_data;

  g_string_append_printf (
      text, "[%s] %s", delivered->tag != NULL ? delivered->tag : "-", delivered->from);
  for (guint i = 0; i < delivered->to->len; i++)
    g_string_append_printf (text, " %s", (const char *) g_ptr_array_index (delivered->to, i));
  g_string_append_printf (text, "\n%s", delivered->content->str);
  mta_delivered_free (delivered);
}

static const struct
{
  const char *name;
  const char *said;
  const char *replies; /* the codes */
  const char *delivered;
  bool ends;
} cases[] = {
  { "a message, found by its case",
    "EHLO mx\r\nMAIL FROM:<a@x> SIZE=3\r\nRCPT TO:<b@y>\r\nRCPT TO: <c@z> NOTIFY=NEVER\r\nDATA\r\n"
    "x-milterlab-case:  A-1 \r\nSubject: s\r\n\r\nX-Milterlab-Case: body\r\n..dot\r\n.\r\nQUIT\r\n",
    "250 250 250 250 354 250 221", "[A-1] <a@x> <b@y> <c@z>\nSubject: s\n\nX-Milterlab-Case: body\n.dot\n",
    true },
  { "each recipient has a reply by LMTP",
    "LHLO mx\r\nMAIL FROM:<>\r\nRCPT TO:<b@y>\r\nRCPT TO:<c@z>\r\nDATA\r\n\r\n.\r\n", "250 250 250 250 354 250 250",
    "[-] <> <b@y> <c@z>\n\n", false },
  { "what is cancelled is not delivered",
    "HELO mx\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nRSET\r\nDATA\r\nRCPT TO:<b@y>\r\nNOOP\r\nWHAT\r\n",
    "250 250 250 250 503 503 250 502", "", false },
  { "two messages",
    "HELO mx\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n1\r\n.\r\nMAIL FROM:<c@x>\r\nRCPT TO:<d@y>\r\nDATA\r\n2\r\n.\r\n",
    "250 250 250 354 250 250 250 354 250", "[-] <a@x> <b@y>\n1\n[-] <c@x> <d@y>\n2\n", false },
};

/* the codes of the replies, parted by blanks; lines that others follow are left out */
static char *
pick_codes (const GString *replies)
{
  g_auto (GStrv) lines = g_strsplit (replies->str, "\r\n", -1);
  GString *codes = g_string_new (NULL);

  for (char **line = lines; *line != NULL; line++)
    if (strlen (*line) > 3 && (*line)[3] == ' ')
      g_string_append_printf (codes, "%s%.3s", codes->len > 0 ? " " : "", *line);
  return g_string_free (codes, FALSE);
}

/* @step: bytes at once */
static void
check (gsize number, gsize step)
{
  g_autoptr (GString) delivered = g_string_new (NULL);
  g_autoptr (GString) replies = g_string_new (NULL);
  g_autofree char *codes = NULL;
  MtaSinkSession *session = mta_sink_session_new (on_delivered, delivered);
  gsize size = strlen (cases[number].said);
  bool stays = true;

  for (gsize at = 0; at < size && stays; at += step)
    stays = mta_sink_session_take (
        session,
        milter_bytes ((const guint8 *) cases[number].said + at, MIN (step, size - at)),
        replies);
  mta_sink_session_free (session);
  codes = pick_codes (replies);
  cr_expect_str_eq (codes, cases[number].replies, "%s: %s", cases[number].name, codes);
  cr_expect_str_eq (delivered->str, cases[number].delivered, "%s: %s", cases[number].name, delivered->str);
  cr_expect_eq (stays, !cases[number].ends, "%s", cases[number].name);
}

Test (mta_sink_session, takes_every_mail)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    check (i, 1000);
}

Test (mta_sink_session, bytes_may_be_cut_anywhere)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    for (gsize step = 1; step < 5; step++)
      check (i, step);
}
