/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-input.h: the bytes of a file or a pipe, looked at in place.
 *
 * One buffer that is filled with large reads: a file of any size takes the same memory, and a pipe
 * is read as it comes.
 */
#pragma once

#include <stdbool.h>

#include "milter-message.h"

G_BEGIN_DECLS

typedef struct
{
  int fd;          /* -1: all bytes are there */
  guint8 *own;     /* (nullable) the buffer */
  gsize size;      /* … of so many bytes */
  const guint8 *at;
  gsize left;      /* bytes from @at on that have been read */
  bool over;       /* nothing more comes */
  int error;       /* errno of the read that failed, or 0 */
  bool (*wait) (int fd, gpointer data); /* (nullable) called before each read, until which something else may be
                                           done; false: nothing more is wanted */
  gpointer wait_data;
} MilterCaptureInput;

/* @fd: unowned */
void milter_capture_input_init (MilterCaptureInput *input, int fd);
/* from memory that outlives the input */
void milter_capture_input_init_bytes (MilterCaptureInput *input, MilterBytes bytes);
void milter_capture_input_clear (MilterCaptureInput *input);

/* Reads until there are @n bytes; false: it ends before. */
bool milter_capture_input_fill (MilterCaptureInput *input, gsize n);
/* Moves on by @n bytes, whether they have been looked at or not; false: it ends before. */
bool milter_capture_input_skip (MilterCaptureInput *input, guint64 n);

/* The next @n bytes, until the input is used again; NULL if it ends before them. */
static inline const guint8 *
milter_capture_input_peek (MilterCaptureInput *input, gsize n)
{
  return input->left >= n || milter_capture_input_fill (input, n) ? input->at : NULL;
}

/* Moves on behind bytes that have been looked at. */
static inline void
milter_capture_input_take (MilterCaptureInput *input, gsize n)
{
  input->at += n;
  input->left -= n;
}

G_END_DECLS
