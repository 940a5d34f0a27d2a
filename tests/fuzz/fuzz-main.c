/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-main.c: runs a fuzz target without libFuzzer: over each file of the given folders as it is,
 * and over a number of mutations of it that are the same in every run.
 *
 * usage: fuzz-NAME FOLDER|FILE...
 */
#include <stdio.h>
#include <string.h>

#include "fuzz.h"

#define N_MUTATIONS 200
#define SEED        20261122

typedef void (*Mutation) (GByteArray *bytes, guint at, GRand *rand);

static guint n_inputs;

/* in a block of exact size, so that a read past the end is caught */
static void
run_exact (const guint8 *data, gsize size)
{
  g_autofree guint8 *copy = g_malloc (size);

  if (size > 0)
    memcpy (copy, data, size);
  LLVMFuzzerTestOneInput (copy, size);
  n_inputs++;
}

static void
set_any_byte (GByteArray *bytes, guint at, GRand *rand)
{
  bytes->data[at] = (guint8) g_rand_int_range (rand, 0, 256);
}

/* bytes at which lengths and texts change their meaning */
static void
set_special_byte (GByteArray *bytes, guint at, GRand *rand)
{
  static const guint8 special[] = { 0, 1, 4, 5, 0x7f, 0x80, 0xff, '\r', '\n', '%', '-', ' ', '*' };

  bytes->data[at] = special[g_rand_int_range (rand, 0, sizeof special)];
}

static void
cut_off (GByteArray *bytes, guint at, GRand *rand)
{
  g_byte_array_set_size (bytes, at);
}

static void
take_out (GByteArray *bytes, guint at, GRand *rand)
{
  g_byte_array_remove_index (bytes, at);
}

static void
repeat_end (GByteArray *bytes, guint at, GRand *rand)
{
  g_autofree guint8 *end = g_memdup2 (bytes->data + at, bytes->len - at);

  g_byte_array_append (bytes, end, bytes->len - at);
}

static void
run_mutations (const char *content, gsize size)
{
  static const Mutation mutations[]
      = { set_any_byte, set_special_byte, cut_off, take_out, repeat_end };
  g_autoptr (GRand) rand = g_rand_new_with_seed (SEED);

  for (guint i = 0; i < N_MUTATIONS; i++)
    {
      g_autoptr (GByteArray) bytes = g_byte_array_new ();
      int n_changes = g_rand_int_range (rand, 1, 4);

      g_byte_array_append (bytes, (const guint8 *) content, (guint) size);
      for (int n = 0; n < n_changes && bytes->len > 0; n++)
        mutations[g_rand_int_range (rand, 0, G_N_ELEMENTS (mutations))](
            bytes, (guint) g_rand_int_range (rand, 0, (gint32) bytes->len), rand);
      run_exact (bytes->data, bytes->len);
    }
}

static gboolean
run_file (const char *path)
{
  g_autofree char *content = NULL;
  g_autoptr (GError) error = NULL;
  gsize size;

  if (!g_file_get_contents (path, &content, &size, &error))
    {
      fprintf (stderr, "%s\n", error->message);
      return FALSE;
    }
  run_exact ((const guint8 *) content, size);
  run_mutations (content, size);
  return TRUE;
}

static gboolean
run_folder (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) folder = g_dir_open (path, 0, &error);
  const char *name;

  if (folder == NULL)
    {
      fprintf (stderr, "%s\n", error->message);
      return FALSE;
    }
  while ((name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, NULL);

      if (!run_file (file))
        return FALSE;
    }
  return TRUE;
}

int
main (int argc, char **argv)
{
  for (int i = 1; i < argc; i++)
    if (!(g_file_test (argv[i], G_FILE_TEST_IS_DIR) ? run_folder (argv[i]) : run_file (argv[i])))
      return 2;
  if (n_inputs == 0)
    {
      fprintf (stderr, "no input: give a folder or files\n");
      return 2;
    }
  printf ("%u inputs\n", n_inputs);
  return 0;
}
