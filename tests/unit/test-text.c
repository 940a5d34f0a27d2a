/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-text.c: messages as lines of the scenario language.
 */
#include <criterion/criterion.h>
#include <string.h>

#include <milter/core.h>

#include "milter-text-private.h"

#define P(text) MILTER_BYTES_INIT (text)

#define MTA     MILTER_SIDE_MTA
#define MILTER  MILTER_SIDE_MILTER
#define PLAIN   MILTER_TEXT_PLAIN
#define PATTERN MILTER_TEXT_PATTERN
#define LEADSPC MILTER_TEXT_LEADING_SPACE

/* clang-format off */
static const struct
{
  MilterSide sender;
  guint8 letter;
  MilterBytes payload;
  MilterTextFlags flags;
  const char *text;
} lines[] = {
  /* negotiation */
  { MTA, 'O', P ("\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"), PLAIN,
    "negotiate version=6 actions=all steps=all" },
  { MTA, 'O', P ("\0\0\0\2\0\0\0\0\0\0\0\x41\1\0"), PLAIN,
    "negotiate version=2 actions=none steps=NOCONNECT,NOEOH tail=\"\\x01\\0\"" },
  { MILTER, 'O', P ("\0\0\0\6\0\0\0\x11\0\0\0\3"), PLAIN,
    "negotiate version=6 actions=ADDHDRS,CHGHDRS steps=NOCONNECT,NOHELO" },
  { MILTER, 'O', P ("\0\0\0\6\0\0\1\0\0\0\0\0" "\0\0\0\0j {client_addr}\0" "\0\0\0\6\0" "\0\0\0\7x\0"),
    PATTERN,
    "negotiate version=6 actions=SETSYMLIST steps=none symbols-connect=\"j {client_addr}\" "
    "symbols-eoh=\"\" symbols-7=\"x\"" },

  /* macros */
  { MTA, 'D', P ("Mi\0" "4F1\0{mail_addr}\0alice@example.com\0"), PLAIN,
    "macro mail i=4F1 {mail_addr}=alice@example.com" },
  { MTA, 'D', P ("C"), PLAIN, "macro connect" },
  { MTA, 'D', P ("L{x}\0\0"), PLAIN, "macro header {x}=\"\"" },
  { MTA, 'D', P ("Ev\0Postfix 3.7\0"), PLAIN, "macro eom v=\"Postfix 3.7\"" },
  { MTA, 'D', P ("H-x\0y\0"), PLAIN, "frame D \"H-x\\0y\\0\"" },
  { MTA, 'D', P ("Ha=b\0y\0"), PLAIN, "frame D \"Ha=b\\0y\\0\"" },
  { MTA, 'D', P ("H\0y\0"), PLAIN, "frame D \"H\\0y\\0\"" },
  { MTA, 'D', P ("Zi\0y\0"), PLAIN, "frame D \"Zi\\0y\\0\"" },
  { MTA, 'D', P ("Oi\0y\0"), PLAIN, "frame D \"Oi\\0y\\0\"" },

  /* connect */
  { MTA, 'C', P ("client.example.com\0" "4\xc6\x33" "192.0.2.7\0"), PLAIN,
    "connect client.example.com 192.0.2.7 port=50739" },
  { MTA, 'C', P ("[2001:db8::7]\0" "6\x9\xdd" "2001:db8::7\0"), PLAIN,
    "connect [2001:db8::7] 2001:db8::7 port=2525" },
  { MTA, 'C', P ("x\0" "6\0\0IPv6:2001:db8::7\0"), PLAIN, "connect x IPv6:2001:db8::7 port=0" },
  { MTA, 'C', P ("localhost\0L\0\0/run/a b\0"), PLAIN, "connect localhost \"unix:/run/a b\"" },
  { MTA, 'C', P ("localhost\0L\0\0/run/x\0"), PLAIN, "connect localhost unix:/run/x" },
  { MTA, 'C', P ("localhost\0U"), PLAIN, "connect localhost unknown" },
  { MTA, 'C', P ("port=5\0U"), PLAIN, "connect \"port=5\" unknown" },
  { MTA, 'C', P ("\0U"), PLAIN, "connect \"\" unknown" },
  { MTA, 'C', P ("x\0L\0\1/run/x\0"), PLAIN, "frame C \"x\\0L\\0\\x01/run/x\\0\"" },
  { MTA, 'C', P ("x\0L\0\0\0"), PLAIN, "frame C \"x\\0L\\0\\0\\0\"" },
  { MTA, 'C', P ("x\0" "4\0\0::1\0"), PLAIN, "frame C \"x\\04\\0\\0::1\\0\"" },
  { MTA, 'C', P ("x\0" "6\0\0" "127.0.0.1\0"), PLAIN, "frame C \"x\\06\\0\\0127.0.0.1\\0\"" },
  { MTA, 'C', P ("x\0" "4\0\0unknown\0"), PLAIN, "frame C \"x\\04\\0\\0unknown\\0\"" },

  /* words */
  { MTA, 'H', P ("client.example.com\0"), PLAIN, "helo client.example.com" },
  { MTA, 'H', P ("\0"), PLAIN, "helo \"\"" },
  { MTA, 'H', P ("#x\0"), PLAIN, "helo \"#x\"" },
  { MTA, 'H', P ("x#\0"), PLAIN, "helo x#" },
  { MTA, 'H', P ("$who\0"), PLAIN, "helo \"\\$who\"" },
  { MTA, 'H', P ("'x'\0"), PLAIN, "helo \"'x'\"" },
  { MTA, 'H', P ("it's\0"), PLAIN, "helo it's" },
  { MTA, 'H', P ("a='b'\0"), PLAIN, "helo \"a='b'\"" },
  { MTA, 'H', P ("a\\b*\0"), PLAIN, "helo a\\b*" },
  { MTA, 'H', P ("=>\0"), PLAIN, "helo \"=>\"" },
  { MTA, 'H', P ("<<END\0"), PLAIN, "helo \"<<END\"" },
  { MTA, 'H', P ("gr\xc3\xbc\xc3\x9f\0"), PLAIN, "helo gr\xc3\xbc\xc3\x9f" },
  { MTA, 'H', P ("\xc3\0"), PLAIN, "helo \"\\xc3\"" },
  { MTA, 'H', P ("a\xe2\x80\xaeg\xc2\xa0\0"), PLAIN, "helo \"a\\xe2\\x80\\xaeg\\xc2\\xa0\"" },
  { MTA, 'M', P ("<alice@example.com>\0SIZE=1000\0BODY=8BITMIME\0"), PLAIN,
    "mail <alice@example.com> SIZE=1000 BODY=8BITMIME" },
  { MTA, 'M', P ("\0\0"), PLAIN, "mail \"\" \"\"" },
  { MTA, 'M', P ("<>\0"), PLAIN, "mail <>" },
  { MTA, 'R', P ("<\"john doe\"@example.com>\0"), PLAIN,
    "rcpt \"<\\\"john doe\\\"@example.com>\"" },
  { MTA, 'T', P (""), PLAIN, "data" },
  { MTA, 'N', P (""), PLAIN, "eoh" },
  { MTA, 'A', P (""), PLAIN, "abort" },
  { MTA, 'Q', P (""), PLAIN, "quit" },
  { MTA, 'K', P (""), PLAIN, "quit-nc" },

  /* rest of the line */
  { MTA, 'U', P ("FOO bar # $x \"y\\\0"), PLAIN, "unknown FOO bar # $x \"y\\" },
  { MTA, 'U', P ("FOO \0"), PLAIN, "unknown \"FOO \"" },
  { MTA, 'U', P ("\"FOO\0"), PLAIN, "unknown \"\\\"FOO\"" },
  { MTA, 'U', P ("\0"), PLAIN, "unknown \"\"" },
  { MTA, 'U', P ("a => b\0"), PLAIN, "unknown \"a => b\"" },
  { MTA, 'U', P ("=> b\0"), PLAIN, "unknown \"=> b\"" },
  { MTA, 'U', P ("a =>\0"), PLAIN, "unknown \"a =>\"" },
  { MTA, 'U', P ("a=>b | c\0"), PLAIN, "unknown a=>b | c" },
  { MTA, 'L', P ("Subject\0hello  world\0"), PLAIN, "header Subject: hello  world" },
  { MTA, 'L', P ("Subject\0a\n\tb\0"), PLAIN, "header Subject: \"a\\n\\tb\"" },
  { MTA, 'L', P ("From\0\"Alice\" <a@b>\0"), PLAIN, "header From: \"\\\"Alice\\\" <a@b>\"" },
  { MTA, 'L', P ("X\0'x\0"), PLAIN, "header X: \"'x\"" },
  { MTA, 'L', P ("X\0\0"), PLAIN, "header X: \"\"" },
  { MTA, 'L', P ("X\0 v\0"), PLAIN, "header X: \" v\"" },
  { MTA, 'L', P ("X\0v \0"), PLAIN, "header X: \"v \"" },
  { MTA, 'L', P ("\0v\0"), PLAIN, "header \"\": v" },
  { MTA, 'L', P ("X Y\0v\0"), PLAIN, "frame L \"X Y\\0v\\0\"" },
  { MTA, 'L', P ("X:\0v\0"), PLAIN, "frame L \"X:\\0v\\0\"" },

  /* HDR_LEADSPC */
  { MTA, 'L', P ("X\0 v\0"), LEADSPC, "header X: v" },
  { MTA, 'L', P ("X\0v\0"), LEADSPC, "header X:v" },
  { MTA, 'L', P ("X\0  v\0"), LEADSPC, "header X: \" v\"" },
  { MTA, 'L', P ("X\0\0"), LEADSPC, "header X:\"\"" },
  { MTA, 'L', P ("X\0 \0"), LEADSPC, "header X: \"\"" },
  { MTA, 'L', P ("X\0\tv\0"), LEADSPC, "header X:\"\\tv\"" },
  { MILTER, 'i', P ("\0\0\0\1X\0 v\0"), LEADSPC | PATTERN, "insert-header 1 X: v" },

  { MILTER, 'm', P ("\0\0\0\1X\0 \0"), LEADSPC | PATTERN, "frame m \"\\0\\0\\0\\x01X\\0 \\0\"" },

  /* bytes */
  { MTA, 'B', P ("first chunk\r\n"), PLAIN, "body \"first chunk\\r\\n\"" },
  { MTA, 'B', P (""), PLAIN, "frame B" },
  { MTA, 'E', P (""), PLAIN, "eom" },
  { MTA, 'E', P ("last\0*\x7f"), PLAIN, "eom \"last\\0*\\x7f\"" },
  { MILTER, 'b', P ("a*\n"), PATTERN, "replace-body \"a\\*\\n\"" },
  { MILTER, 'b', P (""), PATTERN, "replace-body \"\"" },

  /* replies */
  { MILTER, 'c', P (""), PATTERN, "continue" },
  { MILTER, 'a', P (""), PATTERN, "accept" },
  { MILTER, 'r', P (""), PATTERN, "reject" },
  { MILTER, 't', P (""), PATTERN, "tempfail" },
  { MILTER, 'd', P (""), PATTERN, "discard" },
  { MILTER, 's', P (""), PATTERN, "skip" },
  { MILTER, 'p', P (""), PATTERN, "progress" },
  { MILTER, '4', P (""), PATTERN, "shutdown" },
  { MILTER, 'f', P (""), PATTERN, "conn-fail" },
  { MILTER, 'l', P (""), PATTERN, "frame l" },
  { MILTER, 'y', P ("550 5.7.1 no\0"), PATTERN, "550 5.7.1 \"no\"" },
  { MILTER, 'y', P ("451 later, 50%% sure*\0"), PATTERN, "451 \"later, 50% sure\\*\"" },
  { MILTER, 'y', P ("421 4.3.2\0"), PATTERN, "421 4.3.2" },
  { MILTER, 'y', P ("550-5.7.1 a\r\n550 5.7.1 b\0"), PATTERN, "550 5.7.1 \"a\\nb\"" },
  { MILTER, 'y', P ("550 5.7.1 no, 50% sure\0"), PATTERN, "frame y \"550 5.7.1 no, 50% sure\\0\"" },
  { MILTER, 'y', P ("550-5.7.1 a\n450 b\0"), PATTERN, "frame y \"550-5.7.1 a\\n450 b\\0\"" },
  { MILTER, 'y', P ("550 5.7.1 \0"), PATTERN, "frame y \"550 5.7.1 \\0\"" },
  { MILTER, 'y', P ("550-5.7.1 a\r\n550 b\0"), PATTERN, "frame y \"550-5.7.1 a\\r\\n550 b\\0\"" },
  { MILTER, 'y', P ("550\0"), PATTERN, "frame y \"550\\0\"" },

  /* edits */
  { MILTER, 'h', P ("X-Checked\0yes\0"), PATTERN, "add-header X-Checked: yes" },
  { MILTER, 'h', P ("X\0a*b\0"), PATTERN, "add-header X: a\\*b" },
  { MILTER, 'h', P ("X\0a*b\0"), PLAIN, "add-header X: a*b" },
  { MILTER, 'h', P ("X\0a\\*b\0"), PATTERN, "add-header X: \"a\\\\\\*b\"" },
  { MILTER, 'h', P ("X\0a\\b\0"), PATTERN, "add-header X: a\\b" },
  { MILTER, 'h', P ("X\0/x/\0"), PATTERN, "add-header X: \"/x/\"" },
  { MILTER, 'h', P ("X\0a | b\0"), PATTERN, "add-header X: \"a | b\"" },
  { MILTER, 'i', P ("\0\0\0\0X-Checked\0yes\0"), PATTERN, "insert-header 0 X-Checked: yes" },
  { MILTER, 'i', P ("\xff\xff\xff\xffX\0\0"), PATTERN, "insert-header 4294967295 X: \"\"" },
  { MILTER, 'm', P ("\0\0\0\2Subject\0new\0"), PATTERN, "change-header 2 Subject: new" },
  { MILTER, 'm', P ("\0\0\0\1Subject\0\0"), PATTERN, "delete-header 1 Subject" },
  { MILTER, 'm', P ("\0\0\0\1\0\0"), PATTERN, "frame m \"\\0\\0\\0\\x01\\0\\0\"" },
  { MILTER, '+', P ("<x@example.org>\0"), PATTERN, "add-rcpt <x@example.org>" },
  { MILTER, '+', P ("<*@example.org>\0"), PATTERN, "add-rcpt \"<\\*@example.org>\"" },
  { MILTER, '+', P ("within\0"), PATTERN, "add-rcpt \"within\"" },
  { MILTER, '+', P ("/x/\0"), PATTERN, "add-rcpt \"/x/\"" },
  { MILTER, '2', P ("<x@example.org>\0NOTIFY=NEVER\0"), PATTERN,
    "add-rcpt <x@example.org> NOTIFY=NEVER" },
  { MILTER, '2', P ("<x>\0A=1 B=2\0"), PATTERN, "add-rcpt <x> A=1 B=2" },
  { MILTER, '2', P ("<x>\0A=1  B=2\0"), PATTERN, "frame 2 \"<x>\\0A=1  B=2\\0\"" },
  { MILTER, '2', P ("<x>\0 \0"), PATTERN, "frame 2 \"<x>\\0 \\0\"" },
  { MILTER, '2', P ("<x>\0a | b\0"), PATTERN, "add-rcpt <x> a \"|\" b" },
  { MILTER, '2', P ("<x>\0"), PATTERN, "frame 2 \"<x>\\0\"" },
  { MILTER, '2', P ("<x>\0\0"), PATTERN, "frame 2 \"<x>\\0\\0\"" },
  { MILTER, '-', P ("<x@example.org>\0"), PATTERN, "delete-rcpt <x@example.org>" },
  { MILTER, 'e', P ("<>\0"), PATTERN, "change-from <>" },
  { MILTER, 'e', P ("<>\0RET=HDRS ENVID=1\0"), PATTERN, "change-from <> RET=HDRS ENVID=1" },
  { MILTER, 'e', P ("<>\0\0"), PATTERN, "frame e \"<>\\0\\0\"" },
  { MILTER, 'q', P ("looks odd\0"), PATTERN, "quarantine \"looks odd\"" },
  { MILTER, 'q', P ("odd\0"), PATTERN, "quarantine odd" },

  /* malformed and unknown */
  { MTA, 'X', P ("a\xff"), PLAIN, "frame X \"a\\xff\"" },
  { MTA, 0, P (""), PLAIN, "frame \"\\0\"" },
  { MTA, '"', P (""), PLAIN, "frame \"\\\"\"" },
  { MILTER, 0xff, P ("x"), PATTERN, "frame \"\\xff\" \"x\"" },
  { MTA, 'L', P ("Subject\0hi"), PLAIN, "frame L \"Subject\\0hi\"" },
  { MILTER, 'c', P ("*"), PATTERN, "frame c \"*\"" },
  { MILTER, '-', P (""), PATTERN, "frame -" },
};
/* clang-format on */

Test (text, messages_are_written_as_lines)
{
  for (gsize i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_autofree char *text = NULL;
      MilterMessage message;

      milter_message_parse (lines[i].sender, lines[i].letter, lines[i].payload, &message);
      text = milter_message_to_text (&message, lines[i].flags);
      cr_assert_str_eq (text, lines[i].text);
    }
}

Test (text, every_letter_has_a_line)
{
  for (int side = MTA; side <= MILTER; side++)
    {
      gsize n_rows;
      const MilterSpec *rows = milter_spec_list (side, &n_rows);

      for (gsize row = 0; row < n_rows; row++)
        {
          bool found = false;

          for (gsize i = 0; i < G_N_ELEMENTS (lines); i++)
            found = found
                    || (lines[i].sender == (MilterSide) side && lines[i].letter == rows[row].letter
                        && g_str_has_prefix (lines[i].text, rows[row].word));
          /* these two have no word of their own: a code, and a letter that never travels */
          if (side == MILTER && strchr ("yl", rows[row].letter) != NULL)
            continue;
          cr_assert (found, "%s", rows[row].field_name);
        }
    }
}

Test (text, appending_keeps_what_was_there)
{
  g_autoptr (GString) text = g_string_new ("=> ");
  MilterMessage message;

  milter_message_parse (MILTER, 'y', (MilterBytes) P ("550\0"), &message);
  milter_message_append_text (&message, PATTERN, text);
  cr_assert_str_eq (text->str, "=> frame y \"550\\0\"");
}

Test (text, a_message_that_was_filled_in_is_written_too)
{
  MilterMessage message;
  g_autofree char *words = NULL;
  g_autofree char *frame = NULL;

  milter_message_init (&message, MTA, 'L');
  message.fields[0].bytes = (MilterBytes) P ("X");
  message.fields[1].bytes = (MilterBytes) P ("v");
  words = milter_message_to_text (&message, PLAIN);
  cr_assert_str_eq (words, "header X: v");

  message.fields[0].bytes = (MilterBytes) P ("X Y");
  frame = milter_message_to_text (&message, PLAIN);
  cr_assert_str_eq (frame, "frame L \"X Y\\0v\\0\"");
}

/* reads a quoted text as the language says */
static GByteArray *
unquote (const char *text)
{
  GByteArray *bytes = g_byte_array_new ();
  const char *at = text + 1;

  cr_assert_eq (*text, '"');
  while (*at != '"')
    {
      static const char letters[] = "0rnt\\\"$*";
      static const char meanings[] = "\0\r\n\t\\\"$*";
      guint8 byte = (guint8) *at++;

      cr_assert_neq (byte, '\0');
      cr_assert_neq (byte, '$', "a variable");
      if (byte == '\\' && *at == 'x')
        {
          byte = (guint8) (g_ascii_xdigit_value (at[1]) << 4 | g_ascii_xdigit_value (at[2]));
          at += 3;
        }
      else if (byte == '\\')
        byte = (guint8) meanings[strchr (letters, *at++) - letters];
      g_byte_array_append (bytes, &byte, 1);
    }
  cr_assert_eq (at[1], '\0');
  return bytes;
}

Test (text, any_bytes_survive_quoting)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  for (guint round = 0; round < 2000; round++)
    {
      g_autoptr (GString) text = g_string_new (NULL);
      g_autoptr (GByteArray) again = NULL;
      guint8 bytes[64];
      gsize size = (gsize) g_rand_int_range (rand, 0, sizeof bytes);
      /* a few rounds with every byte, the rest with those that are special */
      bool any = round % 2 == 0;

      for (gsize i = 0; i < size; i++)
        bytes[i] = any ? (guint8) g_rand_int_range (rand, 0, 256)
                       : (guint8) "\\\"$*x0\n'\xc3\xbc "[g_rand_int_range (rand, 0, 11)];
      milter_text_append_quoted (milter_bytes (bytes, size), round % 3 ? PATTERN : PLAIN, text);
      cr_assert (g_utf8_validate (text->str, (gssize) text->len, NULL));
      again = unquote (text->str);
      cr_assert (
          milter_bytes_equal (milter_bytes (again->data, again->len), milter_bytes (bytes, size)),
          "%s",
          text->str);
    }
}

Test (text, long_values_are_cut_for_people)
{
  static const struct
  {
    MilterSide sender;
    guint8 letter;
    const char *before, *after;
  } cases[] = {
    { MTA, 'H', "helo xxxx", "xxxx… (1234 bytes)" },
    { MTA, 'U', "unknown xxxx", "xxxx… (1234 bytes)" },
  };
  g_autofree char *value = g_strnfill (1234, 'x');

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      MilterMessage message;
      g_autofree char *text = NULL;
      g_autofree char *whole = NULL;

      milter_message_parse (cases[i].sender, cases[i].letter, milter_bytes (value, 1235), &message);
      text = milter_message_to_text (&message, MILTER_TEXT_SHORT);
      whole = milter_message_to_text (&message, PLAIN);
      cr_assert (g_str_has_prefix (text, cases[i].before)
                 && g_str_has_suffix (text, cases[i].after));
      cr_assert_lt (strlen (text), 120);
      cr_assert_gt (strlen (whole), 1234);
    }
}

Test (text, a_cut_value_is_quoted_before_the_dots)
{
  g_autofree char *value = g_strnfill (100, '\n');
  g_autoptr (GString) text = g_string_new (NULL);

  milter_text_append_word (milter_bytes (value, 100), MILTER_TEXT_SHORT, text);
  cr_assert (g_str_has_suffix (text->str, "\\n\"… (100 bytes)"), "%s", text->str);
}

Test (text, a_value_is_not_cut_inside_a_character)
{
  for (gsize before = 60; before < 80; before++)
    {
      g_autoptr (GString) value = g_string_new (NULL);
      g_autoptr (GString) text = g_string_new (NULL);

      for (gsize i = 0; i < before; i++)
        g_string_append_c (value, 'x');
      for (gsize i = 0; i < 10; i++)
        g_string_append (value, "€");
      milter_text_append_word (milter_bytes (value->str, value->len), MILTER_TEXT_SHORT, text);
      cr_assert (g_utf8_validate (text->str, (gssize) text->len, NULL));
      cr_assert_null (strstr (text->str, "\\x"));
    }
}

Test (text, chunks_above_the_largest_are_frames)
{
  gsize size = MILTER_BODY_CHUNK_MAX + 1;
  g_autofree guint8 *chunk = g_malloc0 (size);
  MilterMessage message;
  g_autofree char *fits = NULL;
  g_autofree char *above = NULL;

  milter_message_parse (MILTER, 'b', milter_bytes (chunk, size - 1), &message);
  fits = milter_message_to_text (&message, PLAIN);
  cr_assert (g_str_has_prefix (fits, "replace-body \"\\0"));

  milter_message_parse (MILTER, 'b', milter_bytes (chunk, size), &message);
  above = milter_message_to_text (&message, PLAIN);
  cr_assert (g_str_has_prefix (above, "frame b \"\\0"));
}

Test (text, numbers_are_written_as_printf_does)
{
  const guint64 numbers[] = { 0, 1, 9, 10, 99, 100, 65535, G_MAXUINT32, G_MAXINT64, G_MAXUINT64 };

  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_autofree char *expected = g_strdup_printf ("%" G_GUINT64_FORMAT, numbers[i]);
      char text[MILTER_TEXT_NUMBER_SIZE + 1];
      char *end;

      memset (text, 'x', sizeof text);
      end = _milter_text_write_number (numbers[i], text);
      cr_assert_eq ((gsize) (end - text), strlen (expected));
      cr_assert_arr_eq (text, expected, strlen (expected));
      cr_assert_eq (*end, 'x', "nothing is written behind %s", expected);
    }
}
