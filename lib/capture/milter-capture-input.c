/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter-capture-input.c: a buffer over read().
 */
#include "milter-capture-input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* stays in a processor's cache, and makes the calls few */
#define BUFFER_SIZE ((gsize) 64 << 10)

void
milter_capture_input_init (MilterCaptureInput *input, int fd)
{
  *input = (MilterCaptureInput){ .fd = fd };
}

void
milter_capture_input_init_bytes (MilterCaptureInput *input, MilterBytes bytes)
{
  *input
      = (MilterCaptureInput){ .fd = -1, .at = bytes.data, .left = bytes.size, .over = true };
}

void
milter_capture_input_clear (MilterCaptureInput *input)
{
  g_clear_pointer (&input->own, g_free);
}

/* makes room for @n bytes from the first of the buffer on */
static void
make_room (MilterCaptureInput *input, gsize n)
{
  gsize size = MAX (n, BUFFER_SIZE);
  guint8 *larger;

  if (input->size >= size)
    {
      if (input->left > 0)
        memmove (input->own, input->at, input->left);
    }
  else
    {
      larger = g_malloc (size);
      if (input->left > 0)
        memcpy (larger, input->at, input->left);
      g_free (input->own);
      input->own = larger;
      input->size = size;
    }
  input->at = input->own;
}

static void
read_some (MilterCaptureInput *input)
{
  gssize n;

  if (input->wait != NULL && !input->wait (input->fd, input->wait_data))
    {
      input->over = true;
      return;
    }
  do
    n = read (input->fd, input->own + input->left, input->size - input->left);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    input->error = errno;
  if (n <= 0)
    input->over = true;
  else
    input->left += (gsize) n;
}

bool
milter_capture_input_fill (MilterCaptureInput *input, gsize n)
{
  if (input->left >= n)
    return true;
  if (input->over)
    return false;
  make_room (input, n);
  while (input->left < n && !input->over)
    read_some (input);
  return input->left >= n;
}

bool
milter_capture_input_skip (MilterCaptureInput *input, guint64 n)
{
  while (n > input->left)
    {
      n -= input->left;
      input->left = 0;
      if (!milter_capture_input_fill (input, 1))
        return false;
    }
  milter_capture_input_take (input, (gsize) n);
  return true;
}
