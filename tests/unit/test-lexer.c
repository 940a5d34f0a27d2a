/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-lexer.c: lines become words; what is none is told with its column.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "milter-lexer.h"

/* the kinds of words in the tables below: bare, quoted, literal, regex, here-document */
static const char kinds[] = "bqlrh";

static void
append_word (const MilterWord *word, GString *text)
{
  g_string_append_printf (text, "[%c ", kinds[word->kind]);
  for (gsize i = 0; i < word->text->len; i++)
    {
      char c = word->text->str[i];

      if (word->stars != NULL && i < word->stars->len && word->stars->data[i])
        g_string_append (text, "(*)");
      else if (g_ascii_isprint (c) || (c & 0x80))
        g_string_append_c (text, c);
      else
        g_string_append_printf (text, "<%02x>", (guint8) c);
    }
  if (word->key_size != MILTER_WORD_NO_KEY)
    g_string_append_printf (text, " key %u", (guint) word->key_size);
  g_string_append (text, word->caseless ? " caseless]" : "]");
}

/* all words of all lines, or the errors */
static char *
lex (const char *text, gsize size, MilterLexFlags flags)
{
  g_autofree char *exact = g_memdup2 (text, size);
  GString *words = g_string_new (NULL);
  g_autoptr (GString) errors = g_string_new (NULL);
  MilterLexer lexer;

  milter_lexer_init (&lexer, "t", exact, size, errors);
  milter_lexer_set_variable (&lexer, "who", milter_bytes_from_string ("a*b c"));
  while (milter_lexer_next_line (&lexer))
    while (!milter_lexer_at_end (&lexer))
      {
        g_auto (MilterWord) word = MILTER_WORD_INIT;

        if (!milter_lexer_word (&lexer, flags, &word))
          {
            milter_lexer_skip_here_document (&lexer);
            break;
          }
        append_word (&word, words);
      }
  milter_lexer_clear (&lexer);
  if (errors->len > 0)
    g_string_assign (words, errors->str);
  return g_string_free (words, FALSE);
}

typedef struct
{
  MilterBytes text;
  const char *expected;
} Row;

static void
check_rows (const Row *rows, gsize n_rows, MilterLexFlags flags)
{
  for (gsize i = 0; i < n_rows; i++)
    {
      g_autofree char *got = lex ((const char *) rows[i].text.data, rows[i].text.size, flags);

      cr_expect_str_eq (got, rows[i].expected, "%.*s\n-- gave --\n%s\n-- instead of --\n%s",
                        (int) rows[i].text.size, (const char *) rows[i].text.data, got,
                        rows[i].expected);
    }
}

#define ROW(text, expected) { MILTER_BYTES_INIT (text), expected }

static const Row plain[] = {
  ROW ("", ""),
  ROW (" \t \n\r\n  # only a comment\n", ""),
  ROW ("\xef\xbb\xbfone two", "[b one][b two]"),
  ROW ("a\tb  c\r\nd", "[b a][b b][b c][b d]"),
  ROW ("a # b", "[b a]"),
  ROW ("a#b", "[b a#b]"),
  ROW ("<alice@example.com> SIZE=10", "[b <alice@example.com>][b SIZE=10 key 4]"),
  ROW ("it's a\\b *", "[b it's][b a\\b][b *]"),
  ROW ("/x/ <<END", "[b /x/][b <<END]"),
  ROW ("'<\"john doe\"@example.com>'", "[l <\"john doe\"@example.com>]"),
  ROW ("'a\\n$who*' ''", "[l a\\n$who*][l ]"),
  ROW ("\"a b\" \"\"", "[q a b][q ]"),
  ROW ("\"\\0\\r\\n\\t\\\\\\\"\\$\\*\\x7f\\xfF\"", "[q <00><0d><0a><09>\\\"$*<7f>\xff]"),
  /* no octal numbers */
  ROW ("\"\\012\"", "[q <00>12]"),
  ROW ("\"ab\"*3 \"x\"*0 \"\"*9 # c", "[q ababab][q ][q ]"),
  ROW ("k=\"a b\" k='a b' k= =v", "[q k=a b key 1][l k=a b key 1][b k= key 1][b =v key 0]"),
  ROW ("a=b=c", "[b a=b=c key 1]"),
  /* behind the second `=` a single quote is itself */
  ROW ("a=b='c'", "[b a=b='c' key 1]"),
  ROW ("$who <${who}> \"$who\" $$who '$who'",
       "[b a*b c][b <a*b c>][q a*b c][b $who][l $who]"),
  ROW ("k=$who$who", "[b k=a*b ca*b c key 1]"),
  ROW ("gr\xc3\xbc\xc3\x9f" "e", "[b gr\xc3\xbc\xc3\x9f" "e]"),
};

Test (lexer, plain_words)
{
  check_rows (plain, G_N_ELEMENTS (plain), MILTER_LEX_PLAIN);
}

static const Row patterns[] = {
  ROW ("a*b * \\* a\\b", "[b a(*)b][b (*)][b *][b a\\b]"),
  ROW ("\"a*\\*\" 'a*'", "[q a(*)*][l a*]"),
  ROW ("\"a*\"*2", "[q a(*)a(*)]"),
  ROW ("\"a*\"*0 \"*\"*3", "[q ][q (*)(*)(*)]"),
  ROW ("x*\"", "t:1:3: expected a blank before \", got it inside a word (put '…' around the whole "
               "word)\n"),
  ROW ("/a b/ /x/i # c", "[r a b][r x caseless]"),
  ROW ("/a\\/b\\\\/ /\\./ //", "[r a/b\\\\][r \\.][r ]"),
  /* stars that a variable brings are text */
  ROW ("$who* \"$who*\"", "[b a*b c(*)][q a*b c(*)]"),
  ROW ("/$who/", "[r $who]"),
  ROW ("k=*x k=\"*\" k=/x/", "[b k=(*)x key 1][q k=(*) key 1][b k=/x/ key 1]"),
};

Test (lexer, patterns)
{
  check_rows (patterns, G_N_ELEMENTS (patterns), MILTER_LEX_PATTERN);
}

static const Row value_patterns[] = {
  ROW ("k=/a b/i k=/x", "t:1:12: expected a closing / of the regular expression (a text that begins "
                        "with a slash is quoted), got the end of the line\n"),
  ROW ("k=/a b/i /a/", "[r k=a b key 1 caseless][r a]"),
};

Test (lexer, patterns_of_values)
{
  check_rows (value_patterns, G_N_ELEMENTS (value_patterns),
              MILTER_LEX_PATTERN | MILTER_LEX_VALUE_PATTERN);
}

static const Row here_documents[] = {
  ROW ("a <<END b\n  one\n\n    $who # \"x\n  END\nnext", "[b a][h one<0d><0a><0d><0a>  $who # \"x<0d>"
                                                        "<0a>][b b][b next]"),
  ROW ("<<END\r\none\r\nEND\r\n", "[h one<0d><0a>]"),
  ROW ("<<END\nEND", "[h ]"),
  ROW ("<<END\nEND2\n END\nEND \n", "t:2:1: expected the indentation of the line that ends the "
                                    "here-document, got \"END2\"\n"),
  ROW ("<<A <<B\n1\nA\n2\nB\n3", "[h 1<0d><0a>][h 2<0d><0a>][b 3]"),
  ROW ("<<END\n  a\n\n \n x\n  END\nb", "t:5:2: expected the indentation of the line that ends the "
                                        "here-document, got \"x\"\n"),
  /* blanks alone need no indentation */
  ROW ("<<END\n  a\n \n\n  END\nb", "[h a<0d><0a><0d><0a><0d><0a>][b b]"),
  /* tabs and spaces are told apart */
  ROW ("<<END\n\ta\n  END", "t:2:1: expected the indentation of the line that ends the here-document, "
                            "got \"a\"\n"),
  ROW ("<<END\na\n", "t:1:1: expected a line \"END\" below that ends the here-document, got the end of "
                     "the file\n"),
  ROW ("a <<\n", "t:1:3: expected the word that ends the here-document behind <<, got \"<<\"\n"),
  ROW ("<<a.b\n", "t:1:1: expected letters and digits behind <<, got \"<<a.b\"\n"),
  ROW ("<<END\n\xff\nEND\nx", "t:2:1: expected UTF-8, got the byte 0xff (written as \"\\xff\")\n"),
};

Test (lexer, here_documents_lose_the_indentation_of_their_last_line)
{
  check_rows (here_documents, G_N_ELEMENTS (here_documents), MILTER_LEX_HERE_DOCUMENT);
}

static const Row slips[] = {
  ROW ("a \"b", "t:1:3: expected a closing \", got the end of the line\n"),
  ROW ("a 'b", "t:1:3: expected a closing ', got the end of the line\n"),
  ROW ("\"a\"b", "t:1:4: expected a blank or the end of the line behind a quoted text, got \"b\"\n"),
  ROW ("\"a\"#", "t:1:4: expected a blank or the end of the line behind a quoted text, got \"#\"\n"),
  ROW ("'a'*2", "t:1:4: expected a blank or the end of the line behind a quoted text, got \"*2\"\n"),
  ROW ("\xc3\xa4\xc3\xb6 <\"x\">", "t:1:5: expected a blank before \", got it inside a word (put '…' "
                                   "around the whole word)\n"),
  ROW ("\"\\q\"", "t:1:2: expected one of \\0 \\r \\n \\t \\\\ \\\" \\$ \\* \\xHH, got \"\\q\"\"\n"),
  ROW ("\"\\", "t:1:2: expected one of \\0 \\r \\n \\t \\\\ \\\" \\$ \\* \\xHH, got \"\\\"\n"),
  ROW ("\"\\x1\"", "t:1:2: expected two hexadecimal digits behind \\x, got \"\\x1\"\"\n"),
  ROW ("\"x\"*", "t:1:5: expected how many times, as \"…\"*10, got the end of the line\n"),
  ROW ("\"x\"*-1", "t:1:5: expected how many times, as \"…\"*10, got \"-1\"\n"),
  ROW ("\"x\"*17M", "t:1:5: expected a text of at most 16 MiB in all, got \"17M\"\n"),
  ROW ("\"x\"*99999999999999999999999",
       "t:1:5: expected a text of at most 16 MiB in all, got \"99999999999999999999999\"\n"),
  ROW ("a $nobody", "t:1:3: expected a variable that was set with let, got $nobody (a dollar sign is "
                    "written $$)\n"),
  ROW ("a $port", "t:1:3: expected a variable that has a value here, got $port (set by the lines "
                  "\"spawn\" and \"milter … spawn\" above that use it)\n"),
  ROW ("5$", "t:1:2: expected the name of a variable behind $ (a dollar sign is written $$), got "
             "\"$\"\n"),
  ROW ("\"$1\"", "t:1:2: expected the name of a variable behind $ (a dollar sign is written $$), got "
                 "\"$1\"\"\n"),
  ROW ("${who", "t:1:1: expected } behind the name of a variable, got \"${who\"\n"),
  ROW ("a\n b\0c\nd", "t:2:3: expected text, got a NUL byte (written as \"\\0\")\n"),
  ROW ("\xc3\xa4\x80", "t:1:2: expected UTF-8, got the byte 0x80 (written as \"\\x80\")\n"),
  ROW ("\x1b\"", "t:1:2: expected a blank before \", got it inside a word (put '…' around the whole "
                 "word)\n"),
};

Test (lexer, errors_have_a_place)
{
  check_rows (slips, G_N_ELEMENTS (slips), MILTER_LEX_PLAIN);
}

Test (lexer, no_more_than_twenty_errors_are_told)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *got = NULL;
  guint n_lines = 0;

  for (int i = 0; i < 100; i++)
    g_string_append (text, "'\n");
  got = lex (text->str, text->len, MILTER_LEX_PLAIN);
  for (const char *at = got; *at != '\0'; at++)
    n_lines += *at == '\n';
  cr_assert_eq (n_lines, MILTER_SCENARIO_MAX_ERRORS);
}

Test (lexer, a_line_may_be_just_as_long_as_the_limit)
{
  g_autofree char *text = g_strnfill (MILTER_SCENARIO_MAX_LINE + 1, 'x');
  g_autofree char *longest = lex (text, MILTER_SCENARIO_MAX_LINE, MILTER_LEX_PLAIN);
  g_autofree char *longer = lex (text, MILTER_SCENARIO_MAX_LINE + 1, MILTER_LEX_PLAIN);

  cr_assert_eq (strlen (longest), MILTER_SCENARIO_MAX_LINE + strlen ("[b ]"));
  cr_assert_str_eq (longer, "t:1:1: expected a line of at most 16 MiB, got 16777217 bytes\n");
}

Test (lexer, the_memory_of_a_scenario_is_bounded)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GString) messages = g_string_new (NULL);
  MilterLexer lexer;

  for (int i = 0; i < 20; i++)
    g_string_append (text, "\"x\"*16M\n");
  milter_lexer_init (&lexer, "t", text->str, text->len, messages);
  while (milter_lexer_next_line (&lexer))
    {
      g_auto (MilterWord) word = MILTER_WORD_INIT;

      milter_lexer_word (&lexer, MILTER_LEX_PLAIN, &word);
    }
  milter_lexer_clear (&lexer);
  cr_assert_str_eq (messages->str,
                    "t:16:8: expected a scenario that takes at most 256 MiB of memory, got a "
                    "larger one: use fewer or shorter texts and files\n");
}

Test (lexer, a_text_is_repeated_by_a_number_or_a_size)
{
  g_autofree char *got = lex ("\"x\"*64k", 7, MILTER_LEX_PLAIN);

  cr_assert_eq (strlen (got), 65536 + strlen ("[q ]"));
}

Test (lexer, variables_do_not_grow_beyond_a_word)
{
  g_autofree char *value = g_strnfill (MILTER_SCENARIO_MAX_WORD / 2 + 1, 'x');
  g_autoptr (GString) errors = g_string_new (NULL);
  g_auto (MilterWord) word = MILTER_WORD_INIT;
  MilterLexer lexer;

  milter_lexer_init (&lexer, "t", " $v$v", 5, errors);
  milter_lexer_set_variable (&lexer, "v", milter_bytes_from_string (value));
  cr_assert (milter_lexer_next_line (&lexer));
  cr_assert_not (milter_lexer_word (&lexer, MILTER_LEX_PLAIN, &word));
  cr_assert_str_eq (errors->str, "t:1:2: expected a text of at most 16 MiB, got a longer one\n");
  milter_lexer_clear (&lexer);
}

/* ---- names and values of fields, the rest of a line ---- */

static char *
lex_field (const char *text, MilterLexFlags flags)
{
  GString *words = g_string_new (NULL);
  g_autoptr (GString) messages = g_string_new (NULL);
  g_auto (MilterWord) name = MILTER_WORD_INIT;
  g_auto (MilterWord) value = MILTER_WORD_INIT;
  MilterLexer lexer;
  bool colon, blank;

  milter_lexer_init (&lexer, "t", text, strlen (text), messages);
  cr_assert (milter_lexer_next_line (&lexer));
  if (milter_lexer_field_name (&lexer, flags, &name, &colon))
    {
      append_word (&name, words);
      if (colon && milter_lexer_field_value (&lexer, flags, &value, &blank))
        {
          g_string_append (words, blank ? "+" : "-");
          append_word (&value, words);
        }
      if (!milter_lexer_at_end (&lexer))
        g_string_append (words, " more");
    }
  milter_lexer_clear (&lexer);
  if (messages->len > 0)
    g_string_assign (words, messages->str);
  return g_string_free (words, FALSE);
}

static const struct
{
  const char *text;
  MilterLexFlags flags;
  const char *expected;
} fields[] = {
  { "X: v", MILTER_LEX_PLAIN, "[b X]+[b v]" },
  { "X:v", MILTER_LEX_PLAIN, "[b X]-[b v]" },
  { "X:\tv", MILTER_LEX_PLAIN, "[b X]-[b <09>v]" },
  { "X y", MILTER_LEX_PLAIN, "[b X] more" },
  { "X: a*b", MILTER_LEX_PLAIN, "[b X]+[b a*b]" },
  { "X: a*b\\*\\c ", MILTER_LEX_PATTERN, "[b X]+[b a(*)b*\\c]" },
  { "X: *", MILTER_LEX_PATTERN, "[b X]+[b (*)]" },
  { "X: /a b/i | y", MILTER_LEX_PATTERN, "[b X]+[r a b caseless] more" },
  { "X: \"a*\" within 1s", MILTER_LEX_PATTERN, "[b X]+[q a(*)] more" },
  { "X: 'a*'", MILTER_LEX_PATTERN, "[b X]+[l a*]" },
  { "X:  /a/", MILTER_LEX_PATTERN, "[b X]+[r a]" },
  { "X: a | b", MILTER_LEX_PATTERN, "t:1:6: expected quotes around a value that holds \" | \", got "
                                    "\"|\"\n" },
  { "X: a|b || c", MILTER_LEX_PATTERN, "[b X]+[b a|b || c]" },
  { "X: a => b", MILTER_LEX_PLAIN, "t:1:6: expected quotes around a value that holds \" => \", got "
                                   "\"=>\"\n" },
  { "X: => b", MILTER_LEX_PLAIN, "t:1:4: expected quotes around a value that holds \" => \", got "
                                 "\"=>\"\n" },
  { "X: a =>", MILTER_LEX_PLAIN, "t:1:6: expected quotes around a value that holds \" => \", got "
                                 "\"=>\"\n" },
  { "X: a=>b", MILTER_LEX_PLAIN, "[b X]+[b a=>b]" },
  { "X: \"a\" b", MILTER_LEX_PLAIN, "[b X]+[q a] more" },
  { "X: \"a\"b", MILTER_LEX_PLAIN, "t:1:7: expected a blank or the end of the line behind a quoted "
                                   "text, got \"b\"\n" },
  { "\"a:b\": v", MILTER_LEX_PLAIN, "[q a:b]+[b v]" },
  { "\"\":", MILTER_LEX_PLAIN, "[q ]-[b ]" },
  { "\"X\" y", MILTER_LEX_PLAIN, "[q X] more" },
  { "\"X\"y", MILTER_LEX_PLAIN, "t:1:4: expected a blank or the end of the line behind a quoted text, "
                                "got \"y\"\n" },
  { "/X/: v", MILTER_LEX_PATTERN, "t:1:1: expected the name of a header field, not a regular "
                                  "expression (a name that begins with a slash is quoted), got "
                                  "\"/X/:\"\n" },
  { "X-*: v", MILTER_LEX_PATTERN, "t:1:1: expected the name of a header field, without stars (a star "
                                  "itself is \\*), got \"X-*:\"\n" },
  { "X-\\*: v", MILTER_LEX_PATTERN, "[b X-*]+[b v]" },
  { "X-*: v", MILTER_LEX_PLAIN, "[b X-*]+[b v]" },
  { ": v", MILTER_LEX_PLAIN, "[b ]+[b v]" },
};

Test (lexer, fields)
{
  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++)
    {
      g_autofree char *got = lex_field (fields[i].text, fields[i].flags);

      cr_expect_str_eq (got, fields[i].expected, "%s\n-- gave --\n%s\n-- instead of --\n%s",
                        fields[i].text, got, fields[i].expected);
    }
}

Test (lexer, the_test_strings_of_scanners_are_whole_when_they_are_used)
{
  g_autofree char *eicar = lex ("$eicar", 6, MILTER_LEX_PLAIN);
  g_autofree char *gtube = lex ("\"$gtube\"", 8, MILTER_LEX_PLAIN);

  cr_assert_eq (strlen (eicar), 68 + strlen ("[b ]"));
  cr_assert (g_str_has_prefix (eicar, "[b X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR"));
  cr_assert_eq (strlen (gtube), 68 + strlen ("[q ]"));
  cr_assert (g_str_has_suffix (gtube, "EMAIL*C.34X]"));
}
