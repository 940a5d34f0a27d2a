/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-format.c: the canonical form says the same, and is its own canonical form.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "milter-format.h"
#include "milter-scenario-private.h"
#include "milter-text.h"

static char *
format (const char *path, const char *text, gsize size)
{
  /* of exact size, so that a read past the end is caught */
  g_autofree char *exact = g_memdup2 (text, size);
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (GString) got
      = milter_scenario_format (path, size > 0 ? exact : "", size, /* host= */ NULL, errors);

  cr_assert_eq (got == NULL, errors->len > 0);
  return g_strdup (got != NULL ? got->str : errors->str);
}

static void
check (const char *text, const char *expected)
{
  g_autofree char *got = format ("t", text, strlen (text));
  g_autofree char *again = format ("t", got, strlen (got));

  cr_expect_str_eq (got, expected, "%s\n-- gave --\n%s-- instead of --\n%s", text, got, expected);
  cr_expect_str_eq (again, got, "%s\n-- became another time --\n%s", got, again);
}

Test (format, lines_stand_where_they_belong)
{
  check ("\xef\xbb\xbf# a file\r\n"
         "    mta   sendmail\r\n"
         "macro mail\t-{mail_host}   # not here\r\n"
         "\r\n"
         "   # of the session\r\n"
         "session   two\r\n"
         "helo x\r\n"
         " message first  \r\n"
         "# of rcpt\r\n"
         "rcpt   <a>\r\n"
         "=> 4xx\r\n"
         "   # of the answer above\r\n"
         "=>   5xx \"|x\"\r\n"
         "mail\r\n"
         "mail\r\n"
         "message\r\n"
         "let a   b\r\n"
         "   eom =>    accept   |   reject\r\n"
         "quit-nc\r\n"
         "mail\r\n"
         "on   eom\r\n"
         "=>   reject\r\n"
         "  # the end",
         "# a file\n"
         "mta sendmail\n"
         "macro mail -{mail_host}  # not here\n"
         "\n"
         "# of the session\n"
         "session two\n"
         "  helo x\n"
         "  message first\n"
         "    # of rcpt\n"
         "    rcpt <a>\n"
         "      => 4xx\n"
         "      # of the answer above\n"
         "      => 5xx \"|x\"\n"
         "  mail\n"
         "  mail\n"
         "  message\n"
         "    let a b\n"
         "    eom => accept | reject\n"
         "  quit-nc\n"
         "  mail\n"
         "on eom\n"
         "  => reject\n"
         "  # the end\n");
}

/* words of a session */
static const struct
{
  const char *line;
  const char *canonical;
} lines[] = {
  /* quotes only where they are needed; a bare word stays bare */
  { "mail \"<a@b>\"", "mail <a@b>" },
  { "mail '<a@b>' 'SIZE' \"x y\"", "mail <a@b> SIZE \"x y\"" },
  { "mail '<\"a b\"@c>'", "mail '<\"a b\"@c>'" },
  { "mail \"<\\\"a b\\\"@c>\"", "mail \"<\\\"a b\\\"@c>\"" },
  { "mail 'a b'", "mail \"a b\"" },
  { "mail 'a\tb'", "mail \"a\\tb\"" },
  { "mail 'a\\\tb'", "mail \"a\\\\\\tb\"" },
  { "mail \"\"", "mail \"\"" },
  { "mail ''", "mail \"\"" },
  { "mail \"a=b\"", "mail \"a=b\"" },
  { "mail a=\"b\" c=\"d e\" f= g='h'", "mail a=b c=\"d e\" f= g=h" },
  { "mail \"\\x41\\x42\\xc3\\xa4\"", "mail AB\xc3\xa4" },
  { "mail \"\\xff\\x00\"", "mail \"\\xff\\0\"" },
  { "mail a\xc2\xa0z", "mail \"a\\xc2\\xa0z\"" },
  { "mail '#x' \"<<X\" \"=>\"", "mail \"#x\" \"<<X\" \"=>\"" },
  { "mail a*b a\\b", "mail a*b a\\b" },
  { "mail \"x\"*3 \"x \"*2", "mail \"x\"*3 \"x \"*2" },
  { "mail \"$$5\" $$5", "mail \"\\$5\" $$5" },
  /* variables stay */
  { "let v \"1\"\nmail <$v> \"${v}x\" \"$v x\" ${v}\\", "let v \"1\"\n  mail <$v> \"${v}x\" \"$v x\" ${v}\\" },
  { "body $eicar", "body \"$eicar\"" },
  { "body a${eicar}b$gtube", "body \"a${eicar}b$gtube\"" },
  /* texts are always in quotes */
  { "body x", "body \"x\"" },
  { "body 'x\"y'", "body 'x\"y'" },
  { "eom \"a\"", "eom \"a\"" },
  { "raw \\", "raw \"\\\\\"" },
  { "frame \"M\" 'x'", "frame M \"x\"" },
  { "frame \\x07 x", "frame \\x07 \"x\"" },
  { "frame \"\\x07\"", "frame \"\\x07\"" },
  { "eom\n=> 450 4.7.1 busy*\n=> 550 \"a\" *\n=> replace-body a\\*b\n=> quarantine \"*x*\"",
    "eom\n    => 450 4.7.1 \"busy*\"\n    => 550 \"a\" *\n    => replace-body \"a\\*b\"\n    => quarantine "
    "\"*x*\"" },
  { "eom => quarantine *x* # y", "eom => quarantine *x*  # y" },
  { "eom\n=> accept\n=> and not \"x\"\n=> and \"not\"\n=> and 'a*'",
    "eom\n    => accept\n    => and not x\n    => and \"not\"\n    => and 'a*'" },
  { "eom => /a  b/i", NULL },
  { "eom => 450 /a  b/i", "eom => 450 /a  b/i" },
  /* names of flags, units */
  { "negotiate actions=0x1,modbody steps=0x1fffff", "negotiate actions=ADDHDRS,CHGBODY steps=all" },
  { "negotiate actions=none steps=-skip,+0x40000001", "negotiate actions=none steps=-SKIP,+NOCONNECT,+0x40000000" },
  { "negotiate \n=> negotiate version=6 symbols-rcpt=*{x}* tail=",
    "negotiate\n    => negotiate version=6 symbols-rcpt=\"*{x}*\" tail=\"\"" },
  { "negotiate symbols-connect=j", "negotiate symbols-connect=\"j\"" },
  { "timeout 1000ms", "timeout 1s" },
  { "timeout \"120s\"", "timeout 2m" },
  { "timeout 90s", "timeout 90s" },
  { "timeout 1.50s", "timeout 1.5s" },
  { "timeout 1500ms", "timeout 1.5s" },
  { "timeout 0.5ms", "timeout 0.5ms" },
  { "timeout 0.25s", "timeout 250ms" },
  { "let t 5s\ntimeout $t", "let t 5s\n  timeout $t" },
  /* fields */
  { "header   X:   v", "header X: \"  v\"" },
  { "header X:v  ", "header X:v" },
  { "header X:", "header X:" },
  { "header X:   ", "header X:" },
  { "header X: \"\"", "header X: \"\"" },
  { "header X:\"v\"", "header X:v" },
  { "header X: \"v\" # c", "header X: \"v\"  # c" },
  { "header X: \"v\" => accept", "header X: \"v\" => accept" },
  { "header X:  \"v\"", "header X: \" v\"" },
  { "header X: 'a \"b\" c'", "header X: a \"b\" c" },
  { "header \"X\": \"a => b\"", "header X: \"a => b\"" },
  { "header \"\": x", "header \"\": x" },
  { "header X: a#b $c \\d", "header X: a#b $c \\d" },
  { "header X: a\tb", "header X: \"a\\tb\"" },
  { "header X:\tb", "header X:\"\\tb\"" },
  { "unknown   FOO  bar # x", "unknown FOO  bar # x" },
  { "unknown \"FOO\"", "unknown FOO" },
  { "eom\n=> add-header X: a*b\n=> add-header Y: \"a*b\"\n=> add-header Z: a\\*b\n=> add-header A: \"a\\*\\\\\"",
    "eom\n    => add-header X: a*b\n    => add-header Y: a*b\n    => add-header Z: a\\*b\n    => add-header A: "
    "\"a\\*\\\\\"" },
  { "eom\n=> change-header 2 \"X\":  /a b/i  |  delete-header \"2\" | delete-header 3 '4'",
    "eom\n    => change-header 2 X: /a b/i | delete-header \"2\" | delete-header 3 \"4\"" },
};

Test (format, words_have_one_form)
{
  for (gsize i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_autofree char *text = g_strdup_printf ("session\n%s\n", lines[i].line);
      g_autofree char *expected = g_strdup_printf ("session\n  %s\n", lines[i].canonical);

      if (lines[i].canonical != NULL)
        check (text, expected);
    }
}

Test (format, rules_have_one_form)
{
  check ("on header  \"X\":  \"a b\"  {i}=\"x\" =>  add-header X:  'yes'\n"
         "on rcpt 2 \"*@x\"\n"
         "=> 451   later\n"
         "=> stall 1000ms after 3 bytes\n"
         "expect 2.. header X:\n",
         "on header X: \" a b\" {i}=x => add-header X: \" yes\"\n"
         "on rcpt 2 \"*@x\"\n"
         "  => 451 \"later\"\n"
         "  => stall 1s after 3 bytes\n"
         "expect 2.. header X:\n");
}

Test (format, recordings_stand_at_the_margin)
{
  check ("start 2026-11-22T14:56:23.101Z\n"
         "mta exact\n"
         " +0   @1   session \"from=1\"   from=127.0.0.1:34290\n"
         "   +0.0001 @1 negotiate actions=0x1ff\n"
         "+0.000200   @1   =>  negotiate version=6\n"
         " +0.5 # nothing\n"
         "@1 eml <<E\n"
         " x\n"
         " E\n",
         "start 2026-11-22T14:56:23.101Z\n"
         "mta exact\n"
         "+0 @1 session \"from=1\" from=127.0.0.1:34290\n"
         "+0.0001 @1 negotiate actions=all\n"
         "+0.000200 @1 => negotiate version=6\n"
         "+0.5  # nothing\n"
         "@1 eml <<E\n"
         "  x\n"
         "  E\n");
}

Test (format, here_documents_move_with_their_line)
{
  check ("session\n"
         "eml   <<END  # c\n"
         "\t  A: b\r\n"
         "  \n"
         "\t  \n"
         "\t    # x \n"
         "\t  END\n"
         "message\n"
         "body <<E\n"
         "x\r\r\n"
         "E \n"
         "eom\n"
         "=> result <<E ignoring X,Y\n"
         "E\n",
         "session\n"
         "  eml <<END  # c\n"
         "    A: b\n"
         "\n"
         "\n"
         "      # x \n"
         "    END\n"
         "  message\n"
         "    body <<E\n"
         "      x\r\r\n"
         "      E\n"
         "    eom\n"
         "      => result <<E ignoring X,Y\n"
         "        E\n");
}

Test (format, lines_that_others_include_have_a_form_too)
{
  check ("let a b\nmacro connect j=x\n", "let a b\nmacro connect j=x\n");
  check ("helo x\nmail\n", "  helo x\n  mail\n");
  check ("", "");
  check ("\n\n # x\n", "\n\n# x\n");
}

Test (format, what_does_not_parse_is_not_printed)
{
  g_autofree char *slip = format ("t", "session\nrctp\n", 13);
  g_autofree char *unknown = format ("t", "session\nmail $x\n", 16);

  cr_assert_str_eq (slip, "t:2:1: expected a verb (\"rcpt\"?), got \"rctp\"\n");
  cr_assert (g_str_has_prefix (unknown, "t:2:6: expected a variable"), "%s", unknown);
}

Test (format, a_file_that_is_not_there_is_an_error)
{
  g_autoptr (GString) errors = g_string_new (NULL);

  cr_assert_null (milter_scenario_format_file ("/nonexistent/x", NULL, errors));
  cr_assert_str_eq (errors->str, "/nonexistent/x:1:1: expected a scenario that can be read, got "
                                 "\"/nonexistent/x\": No such file or directory\n");
}

/* ---- whatever is written ---- */

static void
check_file (const char *path, gpointer user_data)
{
  g_autofree char *text = NULL;
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  g_autoptr (GString) errors = g_string_new (NULL);
  g_autoptr (MilterScenario) scenario = NULL;
  guint *n_files = user_data;
  gsize size;

  cr_assert (g_file_get_contents (path, &text, &size, NULL));
  scenario = milter_scenario_parse (path, text, size, NULL, MILTER_SCENARIO_PART, errors);
  first = format (path, text, size);
  if (scenario == NULL)
    {
      cr_assert_str_eq (first, errors->str);
      return;
    }
  /* errors would begin with the path */
  cr_assert_not (g_str_has_prefix (first, path), "%s", first);
  second = format (path, first, strlen (first));
  cr_assert_str_eq (second, first, "%s\n-- became --\n%s", first, second);
  *n_files += 1;
}

static void
for_each_file (const char *folder, const char *suffix, void (*function) (const char *, gpointer), gpointer user_data)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  cr_assert_not_null (dir, "%s", folder);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        for_each_file (path, suffix, function, user_data);
      else if (g_str_has_suffix (path, suffix))
        function (path, user_data);
    }
  g_dir_close (dir);
}

Test (format, scenarios_of_the_project_have_a_form)
{
  guint n_files = 0;

  for_each_file (TEST_DATA_DIR "/scenarios", ".scenario", check_file, &n_files);
  for_each_file (TEST_DATA_DIR "/../../scenarios", ".scenario", check_file, &n_files);
  for_each_file (TEST_DATA_DIR "/../fuzz/corpus/scenario", "", check_file, &n_files);
  cr_assert_geq (n_files, 10);
}

/* ---- what the writer of frames writes ---- */

static const char *const pieces[]
    = { "a",  "b c", " ",   "\t",  "\"",   "'",    "\\",   "*",   "\\*", "$",  "$$", "${a}", "#",
        "=",  "=>",  "|",   " | ", " => ", "<<A",  "/",    "/i",  ":",   "%",  "<",  ">",  "\n", "\r",
        "-",  "+",   "4.7.1", "5", "12",  ",",    "{i}",  "within", "not", "1s", "port=1", "unix:", "\xc3\xa4",
        "\xff", "\x01", "\xe2\x80\xae", "\xc2\xa0", "none", "='", "=\"", "=/", "@1", "reading" };

static void
append_random (GRand *rand, GByteArray *bytes, bool ends)
{
  for (int n = g_rand_int_range (rand, 0, 4); n > 0; n--)
    {
      const char *piece = pieces[g_rand_int_range (rand, 0, G_N_ELEMENTS (pieces))];

      g_byte_array_append (bytes, (const guint8 *) piece, (guint) strlen (piece));
    }
  if (ends)
    g_byte_array_append (bytes, (const guint8 *) "", 1);
}

static void
append_payload (const MilterSpec *row, GRand *rand, GByteArray *bytes)
{
  static const guint8 number[] = { 0, 0, 1, 0xff };
  static const guint8 letter[] = { 'M' };
  static const char address[] = "6\0\1::1";

  for (guint i = 0; i < MILTER_SPEC_MAX_FIELDS; i++)
    switch (row->fields[i].layout)
      {
      case MILTER_LAYOUT_NONE:
        break;
      case MILTER_LAYOUT_U32:
        g_byte_array_append (bytes, number, sizeof number);
        break;
      case MILTER_LAYOUT_BYTE:
        g_byte_array_append (bytes, letter, sizeof letter);
        break;
      case MILTER_LAYOUT_ADDRESS:
        g_byte_array_append (bytes, (const guint8 *) address, sizeof address);
        break;
      case MILTER_LAYOUT_PAIRS:
        append_random (rand, bytes, true);
        G_GNUC_FALLTHROUGH;
      case MILTER_LAYOUT_STRING:
      case MILTER_LAYOUT_STRINGS:
        append_random (rand, bytes, true);
        break;
      case MILTER_LAYOUT_SYMBOL_LISTS:
        g_byte_array_append (bytes, number, sizeof number);
        append_random (rand, bytes, true);
        break;
      case MILTER_LAYOUT_REST:
        append_random (rand, bytes, false);
        break;
      }
}

static void
check_message (MilterSide side, guint8 letter, MilterBytes payload, MilterTextFlags flags)
{
  g_autoptr (GString) text = g_string_new (side == MILTER_SIDE_MTA ? "session\n  " : "session\n  eom\n    => ");
  g_autofree char *got = NULL;
  MilterMessage message;

  if (side == MILTER_SIDE_MILTER)
    flags |= MILTER_TEXT_PATTERN;
  milter_message_parse (side, letter, payload, &message);
  milter_message_append_text (&message, flags, text);
  g_string_append_c (text, '\n');
  got = format ("t", text->str, text->len);
  cr_assert_str_eq (got, text->str, "%s-- became --\n%s", text->str, got);
}

Test (format, what_is_written_of_frames_has_its_form_already)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (20261122);

  for (int side = MILTER_SIDE_MTA; side <= MILTER_SIDE_MILTER; side++)
    {
      gsize n_rows;
      const MilterSpec *rows = milter_spec_list (side, &n_rows);

      for (gsize row = 0; row < n_rows; row++)
        for (int n = 0; n < 300; n++)
          {
            g_autoptr (GByteArray) payload = g_byte_array_new ();

            if (rows[row].letter == MILTER_REPLY_REPLY_CODE && n % 2 == 0)
              g_byte_array_append (payload, (const guint8 *) "550 5.7.1 ", 10);
            append_payload (&rows[row], rand, payload);
            check_message (side, rows[row].letter, milter_bytes (payload->data, payload->len),
                           n % 3 == 0 ? MILTER_TEXT_LEADING_SPACE : MILTER_TEXT_PLAIN);
          }
    }
}

/* ---- lines of random words ---- */

static const char *const beginnings[]
    = { "mail",      "rcpt",     "helo",     "connect",        "connect x",       "header X:", "header X: ",
        "header X:  ", "header ", "unknown",  "body",           "eom",             "raw",       "frame",
        "frame M",   "macro mail", "negotiate", "message",      "session",         "let v",     "barrier",
        "stall 1s",  "close",    "repeat 2 mail", "timeout",    "require program", "require file", "send-as",
        "eom\n=> 450", "eom\n=> 450 4.7.1", "eom\n=> add-header X:", "eom\n=> add-header X: ",
        "eom\n=> change-header", "eom\n=> change-header 2", "eom\n=> delete-header", "eom\n=> quarantine",
        "eom\n=> replace-body", "eom\n=> add-rcpt", "eom\n=> accept\n=> and", "eom\n=> accept\n=> and not",
        "eom\n=> frame y", "eom\n=> from", "eom\n=> accept within", "negotiate\n=> negotiate",
        "on rcpt",   "on rcpt 2", "on header X:", "on header X: ", "on header", "on eom => add-header X:",
        "on eom\n=> add-header X: ", "on eom\n=> 450", "on eom\n=> frame", "expect 2.. mail", "@1 session\n+1 @1 mail" };

static const char *const words_of_lines[]
    = { "a", "2", "x", "*", "a*b", "\\*", "\\", "'", "'a b'", "'a'", "''", "'*'", "'\"'", "'$'", "\"a\"", "\"a b\"",
        "\"\"", "\"*\"", "\"\\*\"", "\"\\x00\"", "\"$v\"", "\"a\"*3", "\"a=b\"", "\"2\"", "\"not\"", "\"+1\"",
        "\"-x\"", "\"=>\"", "\"|\"", "\"within\"", "\"reading\"", "\"\\\"\"", "\"#\"", "\"<<E\"", "$v", "${v}x",
        "$$", "k=v", "k=\"v\"", "k=\"a b\"", "k='v'", "k=", "k=\"\"", "port=2", "size=1k", "{i}=a", "{i}=\"a\"", "{i}=/a/",
        "actions=0x3", "steps=+SKIP,-0x2", "symbols-mail=a", "tail=x", "version=2..6", "from=a", "/a b/i", "/a/", "\"/a/\"",
        "=>", "accept", "|", "within", "1500ms", "not", "#", "# c", "\t", "  ", "\xc3\xa4", "\x01", "\xc2\xa0", "<<E\n x\n E",
        "4.7.1", "none", "spawn", "split 3", "after 3 bytes", "reading", ":" , "\"X\":", "X:" };

static char *
make_lines (GRand *rand)
{
  GString *text = g_string_new ("session\nlet v \"w w\"\n");

  for (int line = g_rand_int_range (rand, 1, 4); line > 0; line--)
    {
      g_string_append (text, beginnings[g_rand_int_range (rand, 0, G_N_ELEMENTS (beginnings))]);
      for (int n = g_rand_int_range (rand, 0, 4); n > 0; n--)
        {
          const char *blanks[] = { " ", "", "  " };

          g_string_append (text, blanks[MIN (g_rand_int_range (rand, 0, 8), 2) == 2 ? 0 : g_rand_int_range (rand, 0, 3)]);
          g_string_append (text, words_of_lines[g_rand_int_range (rand, 0, G_N_ELEMENTS (words_of_lines))]);
        }
      g_string_append_c (text, '\n');
    }
  return g_string_free (text, FALSE);
}

Test (format, whatever_parses_has_a_form_that_says_the_same)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (20261123);
  guint n_parsed = 0;

  for (int n = 0; n < 20000; n++)
    {
      g_autofree char *text = make_lines (rand);
      g_autoptr (GString) errors = g_string_new (NULL);
      g_autoptr (GString) first = milter_scenario_format ("t", text, strlen (text), NULL, errors);
      g_autoptr (GString) second = NULL;

      cr_assert_null (strstr (errors->str, "defect"), "%s\n%s", text, errors->str);
      if (first == NULL)
        continue;
      n_parsed++;
      second = milter_scenario_format ("t", first->str, first->len, NULL, errors);
      cr_assert_not_null (second, "%s-- became --\n%s%s", text, first->str, errors->str);
      cr_assert_str_eq (second->str, first->str, "%s-- became --\n%s-- became --\n%s", text, first->str, second->str);
    }
  cr_assert_geq (n_parsed, 1000);
}
