/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-capture-damage.c: small recordings of each kind, cut at every byte, with every bit of their
 * beginning turned over, and with numbers that are absurd at every place where a length could
 * stand.
 *
 * What was whole before the damage is found, what cannot be read is told with its place, and
 * nothing is allocated because a damaged number says so.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "capture-test.h"
#include "milter-capture-reader.h"
#include "milter-trace-reader.h"

#define CAPTURES TEST_DATA_DIR "/captures"
#define TRACES   TEST_DATA_DIR "/../../scenarios/captures"

/* more than any file here is large, or needs in one piece */
#define MAX_PIECE ((gsize) 4 << 20)
/* where headings, and all kinds of blocks and packets, have come */
#define BEGINNING 480

enum
{
  PCAP,
  PCAP_BIG_ENDIAN,
  PCAPNG,
  PCAPNG_SECTIONS
};

/* @limit: so many bytes are cut one by one */
static const struct
{
  const char *name;
  bool is_big_endian;
  gsize limit;
} captures[] = {
  [PCAP] = { "21-libmilter-nr.pcap", false, G_MAXSIZE },
  [PCAP_BIG_ENDIAN] = { "44-big-endian-nano-vlan.pcap", true, G_MAXSIZE },
  [PCAPNG] = { "19-sll2-any.pcapng", false, G_MAXSIZE },
  /* of both byte orders, with all kinds of blocks */
  [PCAPNG_SECTIONS] = { "45-odd-blocks.pcapng", false, 4000 },
};

/* --- memory
 * ---------------------------------------------------------------------------------------- */

/* of AddressSanitizer, where it is there: what is asked for in one piece */
extern int
__sanitizer_install_malloc_and_free_hooks (void (*on_malloc) (const volatile void *, size_t),
                                           void (*on_free) (const volatile void *))
    __attribute__ ((weak));

static gsize largest_piece;

static void
on_malloc (const volatile void *data, size_t size)
{
  if (size > largest_piece)
    largest_piece = size;
}

static void
on_free (const volatile void *data)
{
}

static void
watch_memory (void)
{
  if (__sanitizer_install_malloc_and_free_hooks != NULL)
    __sanitizer_install_malloc_and_free_hooks (on_malloc, on_free);
}

/* --- captures
 * -------------------------------------------------------------------------------------- */

typedef struct
{
  char *content;
  gsize size;
  GArray *ends;   /* of gsize: where each packet ends, as another way of reading tells */
  GArray *bounds; /* of gsize: where a file may end without being cut */
} Capture;

/* what came of reading one */
typedef struct
{
  GString *events;
  gsize n_before_end; /* so much of them came before the end of the file */
  guint64 n_packets;
  GError *error;
} Result;

static guint32
number_at (const Capture *capture, gsize at, bool is_big_endian)
{
  guint32 number;

  memcpy (&number, capture->content + at, sizeof number);
  return is_big_endian ? GUINT32_FROM_BE (number) : GUINT32_FROM_LE (number);
}

static void
find_ends_of_pcap (Capture *capture, bool is_big_endian)
{
  gsize at = 24;

  g_array_append_val (capture->bounds, at);
  while (at < capture->size)
    {
      at += 16 + number_at (capture, at + 8, is_big_endian);
      g_array_append_val (capture->ends, at);
      g_array_append_val (capture->bounds, at);
    }
}

static void
find_ends_of_pcapng (Capture *capture)
{
  bool is_big_endian = false;

  for (gsize at = 0; at < capture->size;)
    {
      guint32 type = number_at (capture, at, is_big_endian);

      /* a section tells its byte order itself */
      if (type == 0x0a0d0d0a)
        is_big_endian = number_at (capture, at + 8, true) == 0x1a2b3c4d;
      at += number_at (capture, at + 4, is_big_endian);
      if (type == 6 || type == 3 || type == 2)
        g_array_append_val (capture->ends, at);
      g_array_append_val (capture->bounds, at);
    }
}

static Capture
load (guint row)
{
  g_autofree char *path = g_build_filename (CAPTURES, captures[row].name, NULL);
  Capture capture = { .ends = g_array_new (FALSE, FALSE, sizeof (gsize)),
                      .bounds = g_array_new (FALSE, FALSE, sizeof (gsize)) };

  cr_assert (g_file_get_contents (path, &capture.content, &capture.size, NULL), "%s", path);
  if (g_str_has_suffix (path, "pcapng"))
    find_ends_of_pcapng (&capture);
  else
    find_ends_of_pcap (&capture, captures[row].is_big_endian);
  cr_assert_eq (g_array_index (capture.bounds, gsize, capture.bounds->len - 1), capture.size);
  return capture;
}

static void
unload (Capture *capture)
{
  g_free (capture->content);
  g_array_unref (capture->ends);
  g_array_unref (capture->bounds);
}

/* @bytes: of exactly this size, so that a read behind them is seen */
static Result
read_capture (const guint8 *bytes, gsize size)
{
  Result result = { .events = g_string_new (NULL) };
  g_autoptr (MilterCaptureReader) reader = milter_capture_reader_new (&test_sink, result.events);
  MilterCaptureInput input;

  milter_capture_input_init_bytes (&input, milter_bytes (bytes, size));
  milter_capture_reader_read (reader, &input, &result.error);
  result.n_before_end = result.events->len;
  milter_capture_reader_finish (reader);
  result.n_packets = milter_capture_reader_get_n_packets (reader);
  milter_capture_input_clear (&input);
  return result;
}

static void
result_clear (Result *result)
{
  g_string_free (result->events, TRUE);
  g_clear_error (&result->error);
}

static guint
count_up_to (const GArray *places, gsize limit)
{
  guint n = 0;

  while (n < places->len && g_array_index (places, gsize, n) <= limit)
    n++;
  return n;
}

static bool
is_in (const GArray *places, gsize place)
{
  guint n = count_up_to (places, place);

  return n > 0 && g_array_index (places, gsize, n - 1) == place;
}

/* all that came of the packets in front of @place is there, whatever came behind it */
static void
assert_begins_so (const Result *result,
                  const Result *whole,
                  const Capture *capture,
                  gsize place,
                  const char *what)
{
  guint n = count_up_to (capture->ends, place);
  gsize end = n == 0 ? 0 : g_array_index (capture->ends, gsize, n - 1);
  Result front = read_capture ((const guint8 *) capture->content, MAX (end, 24));

  cr_assert_geq (result->n_packets, n, "%s at %zu", what, place);
  cr_assert (strncmp (front.events->str, result->events->str, front.n_before_end) == 0,
             "%s at %zu:\n%s\ninstead of\n%s",
             what,
             place,
             result->events->str,
             front.events->str);
  cr_assert (strncmp (front.events->str, whole->events->str, front.n_before_end) == 0);
  result_clear (&front);
}

static void
assert_error_is_told (const Result *result, const char *what, gsize place)
{
  if (result->error == NULL)
    return;
  cr_assert_eq (result->error->domain, MILTER_CAPTURE_ERROR, "%s at %zu", what, place);
  /* where, or that it is no capture at all */
  cr_assert (strstr (result->error->message, "frame ") != NULL
                 || strstr (result->error->message, "the file is ") != NULL,
             "%s at %zu: %s",
             what,
             place,
             result->error->message);
}

static void
cut_everywhere (guint row)
{
  Capture capture = load (row);
  Result whole = read_capture ((const guint8 *) capture.content, capture.size);

  cr_assert_null (whole.error);
  cr_assert_eq (whole.n_packets, capture.ends->len);
  for (gsize cut = 0; cut < MIN (capture.size, captures[row].limit); cut++)
    {
      g_autofree guint8 *copy = g_memdup2 (capture.content, cut);
      Result result = read_capture (copy, cut);
      guint n = count_up_to (capture.ends, cut);
      g_autofree char *frame = g_strdup_printf ("frame %u: the file ends in the middle", n + 1);

      cr_assert_eq (result.n_packets, n, "cut at %zu", cut);
      cr_assert (strncmp (whole.events->str, result.events->str, result.n_before_end) == 0);
      if (count_up_to (capture.ends, cut) != count_up_to (capture.ends, cut - 1))
        assert_begins_so (&result, &whole, &capture, cut, "cut");
      cr_assert_eq (result.error == NULL, is_in (capture.bounds, cut), "cut at %zu", cut);
      assert_error_is_told (&result, "cut", cut);
      if (result.error != NULL && count_up_to (capture.bounds, cut) > 0)
        cr_assert (g_str_has_prefix (result.error->message, frame),
                   "cut at %zu: %s",
                   cut,
                   result.error->message);
      result_clear (&result);
    }
  result_clear (&whole);
  unload (&capture);
}

Test (capture_damage, a_pcap_that_is_cut_anywhere_gives_all_before) { cut_everywhere (PCAP); }
Test (capture_damage, a_pcap_of_the_other_byte_order_that_is_cut_gives_all_before)
{
  cut_everywhere (PCAP_BIG_ENDIAN);
}
Test (capture_damage, a_pcapng_that_is_cut_anywhere_gives_all_before) { cut_everywhere (PCAPNG); }
Test (capture_damage, a_pcapng_of_sections_that_is_cut_anywhere_gives_all_before)
{
  cut_everywhere (PCAPNG_SECTIONS);
}

/* what stands in front of all packets concerns all of them */
static gsize
find_heading (const Capture *capture)
{
  guint n = count_up_to (capture->bounds, g_array_index (capture->ends, gsize, 0) - 1);

  return g_array_index (capture->bounds, gsize, n - 1);
}

/* the packet in which the damage lies, and what comes behind it, may be anything */
static void
read_damaged (const Capture *capture,
              const Result *whole,
              const guint8 *copy,
              gsize place,
              const char *what)
{
  Result result = read_capture (copy, capture->size);

  if (place >= find_heading (capture))
    assert_begins_so (&result, whole, capture, place, what);
  assert_error_is_told (&result, what, place);
  cr_assert_leq (largest_piece, MAX_PIECE, "%s at %zu", what, place);
  result_clear (&result);
}

static void
turn_bits (guint row)
{
  Capture capture = load (row);
  Result whole = read_capture ((const guint8 *) capture.content, capture.size);
  g_autofree guint8 *copy = g_memdup2 (capture.content, capture.size);

  watch_memory ();
  for (gsize bit = 0; bit < 8 * BEGINNING; bit++)
    {
      copy[bit / 8] ^= (guint8) (1 << bit % 8);
      read_damaged (&capture, &whole, copy, bit / 8, "a bit");
      copy[bit / 8] ^= (guint8) (1 << bit % 8);
    }
  cr_assert (__sanitizer_install_malloc_and_free_hooks == NULL || largest_piece > 0);
  result_clear (&whole);
  unload (&capture);
}

Test (capture_damage, any_bit_of_a_pcap_may_be_wrong) { turn_bits (PCAP); }
Test (capture_damage, any_bit_of_a_pcap_of_the_other_byte_order_may_be_wrong)
{
  turn_bits (PCAP_BIG_ENDIAN);
}
Test (capture_damage, any_bit_of_a_pcapng_may_be_wrong) { turn_bits (PCAPNG); }
Test (capture_damage, any_bit_of_a_pcapng_of_sections_may_be_wrong) { turn_bits (PCAPNG_SECTIONS); }

static const guint32 absurd[]
    = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffc, 0x00100000, 0x00100001 };

/* at each byte, in both byte orders: wherever a length stands it is hit, those of IP, TCP and
 * frames, too */
static void
put_absurd_numbers (guint row)
{
  Capture capture = load (row);
  Result whole = read_capture ((const guint8 *) capture.content, capture.size);

  watch_memory ();
  for (gsize place = 0; place < BEGINNING; place++)
    for (gsize i = 0; i < 2 * G_N_ELEMENTS (absurd); i++)
      {
        g_autofree guint8 *copy = g_memdup2 (capture.content, capture.size);
        guint32 number = GUINT32_TO_LE (absurd[i / 2]);

        number = i % 2 == 0 ? number : GUINT32_SWAP_LE_BE (number);
        memcpy (copy + place, &number, i < 4 ? 2 : 4);
        read_damaged (&capture, &whole, copy, place, "an absurd number");
      }
  result_clear (&whole);
  unload (&capture);
}

Test (capture_damage, absurd_numbers_in_a_pcap_are_no_lengths) { put_absurd_numbers (PCAP); }
Test (capture_damage, absurd_numbers_in_a_pcap_of_the_other_byte_order_are_no_lengths)
{
  put_absurd_numbers (PCAP_BIG_ENDIAN);
}
Test (capture_damage, absurd_numbers_in_a_pcapng_are_no_lengths) { put_absurd_numbers (PCAPNG); }
Test (capture_damage, absurd_numbers_in_a_pcapng_of_sections_are_no_lengths)
{
  put_absurd_numbers (PCAPNG_SECTIONS);
}

/* --- traces
 * ---------------------------------------------------------------------------------------- */

static void
count_event (const MilterTraceEvent *event, gpointer data)
{
  GString *events = data;

  g_string_append_printf (events,
                          "%d %s %zu %d\n",
                          (int) event->kind,
                          event->connection,
                          event->bytes.size,
                          event->reset);
}

typedef struct
{
  GString *events, *messages;
  gsize n_lines;
} TraceResult;

static TraceResult
read_lines (const char *text, gsize size)
{
  TraceResult result = { g_string_new (NULL), g_string_new (NULL), 0 };
  g_autoptr (MilterTraceReader) reader
      = milter_trace_reader_new ("t", result.messages, count_event, result.events);

  while (size > 0 && !milter_trace_reader_gave_up (reader))
    {
      const char *end = memchr (text, '\n', size);
      gsize length = end != NULL ? (gsize) (end - text) + 1 : size;
      /* of exactly this size, so that a read behind it is seen */
      g_autofree guint8 *line = g_memdup2 (text, length);

      result.n_lines++;
      milter_trace_reader_line (reader, milter_bytes (line, length));
      text += length;
      size -= length;
    }
  return result;
}

static void
trace_result_clear (TraceResult *result)
{
  g_string_free (result->events, TRUE);
  g_string_free (result->messages, TRUE);
}

/* `t:12:5: error: …`: the line that is damaged, or one behind it that makes no sense any more */
static void
assert_messages_name_lines (const TraceResult *result, gsize first)
{
  g_auto (GStrv) lines = g_strsplit (result->messages->str, "\n", -1);

  for (char **line = lines; *line != NULL; line++)
    if (g_str_has_prefix (*line, "t:"))
      cr_assert_geq (g_ascii_strtoull (*line + 2, NULL, 10), first, "%s", *line);
  cr_assert (result->messages->len == 0 || strstr (result->messages->str, "t:") != NULL);
}

static char *
load_trace (const char *name, gsize *size)
{
  g_autofree char *path = g_build_filename (TRACES, name, NULL);
  char *text;

  cr_assert (g_file_get_contents (path, &text, size, NULL), "%s", path);
  return text;
}

static gsize
line_of (const char *text, gsize at)
{
  gsize n = 1;

  for (gsize i = 0; i < at; i++)
    n += text[i] == '\n';
  return n;
}

/* the lines in front of the one in which it is damaged tell what they told */
static void
assert_front_is_told (const TraceResult *result, const char *text, gsize at)
{
  TraceResult front;

  while (at > 0 && text[at - 1] != '\n')
    at--;
  front = read_lines (text, at);
  cr_assert_eq (front.messages->len, 0u);
  cr_assert (g_str_has_prefix (result->events->str, front.events->str));
  trace_result_clear (&front);
}

Test (capture_damage, a_trace_that_is_cut_anywhere_gives_the_lines_before)
{
  gsize size;
  g_autofree char *text = load_trace ("clamav-quarantine.trace", &size);

  for (gsize cut = 0; cut <= size; cut++)
    {
      TraceResult result = read_lines (text, cut);

      assert_front_is_told (&result, text, cut);
      assert_messages_name_lines (&result, line_of (text, cut));
      trace_result_clear (&result);
    }
}

Test (capture_damage, any_bit_of_a_trace_may_be_wrong)
{
  gsize size;
  g_autofree char *text = load_trace ("clamav-quarantine.trace", &size);

  watch_memory ();
  for (gsize bit = 0; bit < 8 * BEGINNING; bit++)
    {
      gsize at = bit / 8;
      TraceResult result;

      text[at] = (char) (text[at] ^ 1 << bit % 8);
      result = read_lines (text, size);
      text[at] = (char) (text[at] ^ 1 << bit % 8);
      assert_front_is_told (&result, text, at);
      assert_messages_name_lines (&result, line_of (text, at));
      trace_result_clear (&result);
    }
  cr_assert_leq (largest_piece, MAX_PIECE);
}

/* each line with a number that no trace has; false: it has to be refused */
static const struct
{
  const char *line;
  bool ok;
} lines[] = {
  { "+99999999999999999999 @1 session", false },
  { "+9223372036.9 @1 session", false },
  { "+0.9999999999 @1 session", false },
  { "+-1 @1 session", false },
  { "+0 @4294967296 session", true }, /* a name as any other */
  { "+0 @1 lost 18446744073709551616", false },
  { "+0 @1 lost -1", false },
  { "+0 @1 negotiate version=4294967296 actions=all steps=all", false },
  { "+0 @1 negotiate version=6 actions=0x1ffffffff steps=all", false },
  { "+0 @1 connect x 192.0.2.1 port=65536", false },
  { "+0 @1 connect x 192.0.2.1 port=-1", false },
  { "+0 @1 frame xy \"x\"", false },
  { "+0 @1 raw \"\\x1\"", false },
  { "+0 @1 raw \"\\777\"", false },
};

Test (capture_damage, absurd_numbers_in_a_trace_are_refused_with_their_line)
{
  for (gsize i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_autofree char *text = g_strconcat (
          "start 2026-11-22T09:15:02Z\nmta exact\n+0 @1 session\n", lines[i].line, "\n", NULL);
      TraceResult result = read_lines (text, strlen (text));

      cr_expect_eq (
          result.messages->len == 0, lines[i].ok, "%s: %s", lines[i].line, result.messages->str);
      cr_expect (lines[i].ok || strstr (result.messages->str, "t:4:") != NULL,
                 "%s: %s",
                 lines[i].line,
                 result.messages->str);
      trace_result_clear (&result);
    }
}
