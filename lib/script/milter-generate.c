/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-generate.c: made-up mails.
 */
#include "milter-generate.h"

#include <string.h>

#define LINE_LENGTH 76
/* what a line of text takes with its end */
#define MAX_LINE (LINE_LENGTH + 2)

/* splitmix64, by Sebastiano Vigna (public domain) */
guint64
milter_random_next (guint64 *state)
{
  guint64 z = (*state += 0x9e3779b97f4a7c15u);

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* plain words, of which no line can become a field, a separator of mailboxes or a dot */
static const char *const words[] = {
  "after",   "all",     "and",     "answer",  "at",      "before",  "below",   "both",
  "by",      "change",  "come",    "copy",    "day",     "each",    "early",   "end",
  "every",   "few",     "for",     "friend",  "from",    "garden",  "give",    "good",
  "have",    "here",    "house",   "in",      "it",      "keep",    "know",    "last",
  "late",    "letter",  "line",    "list",    "long",    "look",    "make",    "many",
  "meet",    "month",   "more",    "morning", "much",    "name",    "near",    "need",
  "new",     "next",    "night",   "no",      "note",    "now",     "of",      "often",
  "old",     "on",      "open",    "or",      "order",   "other",   "our",     "page",
  "part",    "place",   "plan",    "please",  "point",   "put",     "question", "quite",
  "read",    "right",   "room",    "same",    "say",     "see",     "send",    "short",
  "small",   "some",    "soon",    "still",   "street",  "table",   "take",    "than",
  "that",    "the",     "then",    "there",   "they",    "thing",   "this",    "time",
  "to",      "today",   "town",    "two",     "until",   "very",    "visit",   "wait",
  "walk",    "water",   "way",     "we",      "week",    "well",    "what",    "when",
  "where",   "which",   "with",    "word",    "work",    "write",   "year",    "you",
};

static const char *
next_word (guint64 *state)
{
  return words[milter_random_next (state) % G_N_ELEMENTS (words)];
}

/* words of @length characters in all, the last one cut */
static void
append_words (GString *text, gsize length, guint64 *state)
{
  gsize begin = text->len, end = begin + length;

  while (text->len < end)
    {
      if (text->len > begin)
        g_string_append (text, milter_random_next (state) % 12 == 0 ? ", " : " ");
      g_string_append (text, next_word (state));
    }
  g_string_truncate (text, end);
  /* a blank there would be taken away by some who pass it on */
  if (length > 0 && text->str[end - 1] == ' ')
    text->str[end - 1] = '.';
}

static void
append_body (GString *text, guint64 size, guint64 *state)
{
  while (size > 0)
    {
      /* never one byte for the last line: its end has two */
      gsize line = size <= MAX_LINE       ? (gsize) size
                   : size == MAX_LINE + 1 ? MAX_LINE - 1
                                          : MAX_LINE;

      append_words (text, line >= 2 ? line - 2 : line, state);
      if (line >= 2)
        g_string_append (text, "\r\n");
      size -= line;
    }
}

GBytes *
milter_generate_mail (guint64 size, guint64 seed)
{
  guint64 state = seed;
  GString *text = g_string_sized_new (size + 512);

  g_string_append (text,
                   "From: Sender <sender@example.com>\r\n"
                   "To: Recipient <recipient@example.net>\r\n"
                   "Subject: ");
  append_words (text, 10 + milter_random_next (&state) % 30, &state);
  g_string_append_printf (text,
                          "\r\n"
                          "Date: Mon, %u Nov 2026 %02u:%02u:%02u +0000\r\n",
                          2 + 7 * (guint) (milter_random_next (&state) % 4),
                          (guint) (milter_random_next (&state) % 24),
                          (guint) (milter_random_next (&state) % 60),
                          (guint) (milter_random_next (&state) % 60));
  g_string_append_printf (text,
                          "Message-ID: <%016" G_GINT64_MODIFIER "x@example.com>\r\n"
                          "MIME-Version: 1.0\r\n"
                          "Content-Type: text/plain; charset=us-ascii\r\n"
                          "\r\n",
                          milter_random_next (&state));
  append_body (text, size, &state);
  return g_string_free_to_bytes (text);
}
