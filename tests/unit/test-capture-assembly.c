/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-capture-assembly.c: segments in any order, streams in the right one.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "milter-capture-assembly.h"

#define ALL G_MAXSIZE

/* what came out, as `a:text`, `b:text`, `a[3]` for a hole, `a|` for an end, `a!` for a reset */
typedef struct
{
  GString *log;
  guint latest; /* the end whose bytes came last */
} Out;

static void
on_bytes (gpointer owner, guint end, MilterBytes bytes, bool begins, const MilterCaptureMoment *moment)
{
  Out *out = owner;

  if (out->latest != end)
    g_string_append_printf (out->log, "%s%c:", out->log->len > 0 ? " " : "", 'a' + end);
  g_string_append_len (out->log, (const char *) bytes.data, (gssize) bytes.size);
  out->latest = end;
}

static void
on_hole (gpointer owner, guint end, gint64 size, const MilterCaptureMoment *moment)
{
  Out *out = owner;

  g_string_append_printf (out->log, " %c[%" G_GINT64_FORMAT "]", 'a' + end, size);
  out->latest = 2;
}

static void
on_ended (gpointer owner, guint end, bool reset, const MilterCaptureMoment *moment)
{
  Out *out = owner;

  g_string_append_printf (out->log, " %c%c", 'a' + end, reset ? '!' : '|');
  out->latest = 2;
}

static const MilterAssemblyEvents events = { on_bytes, on_hole, on_ended };

typedef struct
{
  guint end;
  guint32 seq, ack;
  guint8 flags;      /* ACK is added where there is an @ack */
  const char *text;
  gsize captured;    /* of the text; 0: all */
} Row;

#define FIN MILTER_TCP_FIN
#define SYN MILTER_TCP_SYN
#define RST MILTER_TCP_RST

static void
take (MilterAssembly *assembly, const Row *row, guint64 frame)
{
  gsize length = row->text != NULL ? strlen (row->text) : 0;
  MilterSegment segment = {
    .end = row->end,
    .seq = row->seq,
    .ack = row->ack,
    .flags = (guint8) (row->flags | (row->ack != 0 ? MILTER_TCP_ACK : 0)),
    .data = milter_bytes (row->text, row->captured > 0 ? row->captured : length),
    .length = length,
  };

  milter_assembly_take (assembly, &segment, &(MilterCaptureMoment){ frame, 0 });
}

static char *
assemble (const Row *rows, gsize n)
{
  Out out = { g_string_new (NULL), 2 };
  gsize total = 0;
  MilterAssembly assembly;

  milter_assembly_init (&assembly, &events, &out, &total);
  for (gsize i = 0; i < n && (rows[i].seq != 0 || rows[i].text != NULL); i++)
    take (&assembly, &rows[i], i + 1);
  milter_assembly_finish (&assembly, &(MilterCaptureMoment){ n + 1, 0 });
  milter_assembly_clear (&assembly);
  cr_assert_eq (total, 0);
  return g_string_free (out.log, FALSE);
}

static const struct
{
  const char *name, *result;
  Row rows[8];
} cases[] = {
  { "in order", "a:onetwo b:ok a:three",
    { { 0, 100, 0, SYN, NULL }, { 1, 500, 101, SYN, NULL }, { 0, 101, 501, 0, "one" },
      { 0, 104, 501, 0, "two" }, { 1, 501, 107, 0, "ok" }, { 0, 107, 503, 0, "three" } } },
  { "neighbours swapped", "a:onetwothree",
    { { 0, 100, 0, SYN, NULL }, { 0, 104, 0, 0, "two" }, { 0, 101, 0, 0, "one" },
      { 0, 107, 0, 0, "three" } } },
  { "sent again, with other boundaries", "a:onetwothree",
    { { 0, 100, 0, SYN, NULL }, { 0, 101, 0, 0, "one" }, { 0, 101, 0, 0, "one" },
      { 0, 101, 0, 0, "onetwo" }, { 0, 103, 0, 0, "etwothr" }, { 0, 107, 0, 0, "three" } } },
  { "overlaps that wait", "a:onetwothree",
    { { 0, 100, 0, SYN, NULL }, { 0, 106, 0, 0, "othree" }, { 0, 104, 0, 0, "two" },
      { 0, 101, 0, 0, "onet" } } },
  { "keep-alives say nothing", "a:onetwo",
    { { 0, 100, 0, SYN, NULL }, { 0, 101, 0, 0, "one" }, { 0, 103, 0, 0, "e" },
      { 0, 103, 0, 0, NULL }, { 0, 104, 0, 0, "two" } } },
  { "a number that wraps around", "a:onetwothree",
    { { 0, 0xfffffffc, 0, SYN, NULL }, { 0, 0xfffffffd, 0, 0, "one" }, { 0, 3, 0, 0, "three" },
      { 0, 0, 0, 0, "two" } } },
  { "an answer that was captured before its question", "a:one b:ok a:two",
    { { 0, 100, 0, SYN, NULL }, { 1, 500, 101, SYN, NULL }, { 1, 501, 104, 0, "ok" },
      { 0, 101, 501, 0, "one" }, { 0, 104, 503, 0, "two" } } },
  { "a beginning in the middle", "a:one b:ok",
    { { 0, 77, 900, 0, "one" }, { 1, 900, 80, 0, "ok" } } },
  { "not captured whole", "a:on a[1] a:two",
    { { 0, 100, 0, SYN, NULL }, { 0, 101, 0, 0, "one", 2 }, { 0, 104, 0, 0, "two" } } },
  { "lost, and seen at the end", "a:one a[3] a:three",
    { { 0, 100, 0, SYN, NULL }, { 0, 101, 0, 0, "one" }, { 0, 107, 0, 0, "three" } } },
  { "lost, and answered", "a:one a[3] b:ok",
    { { 0, 100, 0, SYN, NULL }, { 1, 500, 101, SYN, NULL }, { 0, 101, 501, 0, "one" },
      { 1, 501, 107, 0, "ok" } } },
  { "lost at the end", "a:one a[3]",
    { { 0, 100, 0, SYN, NULL }, { 1, 500, 101, SYN, NULL }, { 0, 101, 501, 0, "one" },
      { 1, 501, 107, 0, NULL } } },
  { "the number of a FIN is no byte", "a:one b:ok b|",
    { { 0, 100, 0, SYN, NULL }, { 1, 500, 101, SYN, NULL }, { 0, 101, 501, 0, "one" },
      { 1, 501, 105, FIN, "ok" } } },
  { "an end that overtakes", "a:onetwo a|",
    { { 0, 100, 0, SYN, NULL }, { 0, 107, 0, FIN, NULL }, { 0, 104, 0, 0, "two" },
      { 0, 101, 0, 0, "one" } } },
  { "nothing comes behind an end", "a:one a|",
    { { 0, 100, 0, SYN, NULL }, { 0, 101, 0, FIN, "one" }, { 0, 105, 0, 0, "two" } } },
  { "a reset", "a:one b!",
    { { 0, 100, 0, SYN, NULL }, { 1, 500, 101, SYN, NULL }, { 0, 101, 501, 0, "one" },
      { 1, 501, 0, RST, NULL } } },
  { "a number that is damaged", "a:onetwo",
    { { 0, 100, 0, SYN, NULL }, { 0, 101, 0, 0, "one" }, { 0, 0x70000000, 0, 0, "xxx" },
      { 0, 104, 0, 0, "two" } } },
  { "so much was lost that nobody knows how much", "a:one a[-1] a:threefour",
    { { 0, 100, 0, SYN, NULL }, { 0, 101, 0, 0, "one" }, { 0, 0x70000000, 0, 0, "two" },
      { 0, 0x70000003, 0, 0, "three" }, { 0, 0x70000008, 0, 0, "four" } } },
};

Test (capture_assembly, streams_come_out_in_order)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *result = assemble (cases[i].rows, G_N_ELEMENTS (cases[i].rows));

      cr_assert_str_eq (result, cases[i].result, "%s: %s", cases[i].name, result);
    }
}

/* bytes that their receiver has, and that still do not come, are waited for only so long */
Test (capture_assembly, a_hole_is_told_while_the_connection_goes_on)
{
  Out out = { g_string_new (NULL), 2 };
  gsize total = 0;
  MilterAssembly assembly;
  guint32 n = 0;

  milter_assembly_init (&assembly, &events, &out, &total);
  take (&assembly, &(Row){ 0, 100, 0, SYN, NULL }, 1);
  take (&assembly, &(Row){ 1, 500, 101, SYN, NULL }, 2);
  take (&assembly, &(Row){ 1, 501, 107, 0, "ok" }, 3);
  for (; n < 200 && out.log->len == 0; n++)
    take (&assembly, &(Row){ 0, 107 + n, 503, 0, "x" }, 4 + n);
  cr_assert (g_str_has_prefix (out.log->str, " a[6] b:ok a:xxx"), "%s", out.log->str);
  cr_assert_eq (n, MILTER_ASSEMBLY_PATIENCE);
  cr_assert_eq (total, 0);
  milter_assembly_clear (&assembly);
  g_string_free (out.log, TRUE);
}

Test (capture_assembly, what_waits_is_bounded)
{
  Out out = { g_string_new (NULL), 2 };
  gsize total = 0, most = 0;
  MilterAssembly assembly;
  char text[1001] = { 0 };

  memset (text, 'x', 1000);
  milter_assembly_init (&assembly, &events, &out, &total);
  take (&assembly, &(Row){ 0, 100, 0, SYN, NULL }, 1);
  for (guint32 i = 0; i < 5000; i++)
    {
      take (&assembly, &(Row){ 0, 200 + 2000 * i, 0, 0, text }, 2 + i);
      most = MAX (most, total);
    }
  cr_assert_leq (most, MILTER_ASSEMBLY_MAX_HELD + 2000);
  cr_assert_geq (most, (gsize) 500000);
  milter_assembly_finish (&assembly, &(MilterCaptureMoment){ 9999, 0 });
  cr_assert_eq (total, 0);
  g_string_free (out.log, TRUE);
}

/* every order of a few segments gives the same streams */
Test (capture_assembly, any_order)
{
  static const Row rows[] = {
    { 0, 101, 501, 0, "one" }, { 1, 501, 104, 0, "ok" }, { 0, 104, 503, 0, "two" },
    { 1, 503, 107, FIN, "no" }, { 0, 107, 506, FIN, "end" },
  };
  guint order[5] = { 0 };

  for (guint n = 0; n < 3125; n++)
    {
      Out out = { g_string_new (NULL), 2 };
      gsize total = 0;
      MilterAssembly assembly;
      guint seen = 0;

      for (guint i = 0, rest = n; i < 5; i++, rest /= 5)
        {
          order[i] = rest % 5;
          seen |= 1u << order[i];
        }
      milter_assembly_init (&assembly, &events, &out, &total);
      take (&assembly, &(Row){ 0, 100, 0, SYN, NULL }, 1);
      take (&assembly, &(Row){ 1, 500, 101, SYN, NULL }, 2);
      for (guint i = 0; i < 5 && seen == 31; i++)
        take (&assembly, &rows[order[i]], 3 + i);
      milter_assembly_finish (&assembly, &(MilterCaptureMoment){ 9, 0 });
      if (seen == 31)
        cr_assert_str_eq (out.log->str, "a:one b:ok a:two b:no b| a:end a|");
      g_string_free (out.log, TRUE);
    }
}
