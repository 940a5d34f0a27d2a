/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * asan-milter.c: a milter of bare frames with one mistake, to be built with sanitizers.
 *
 *   asan-milter PATH overflow|undefined|leak
 *
 * The mistake is made at the end of a message. SIGTERM ends it.
 */
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static volatile sig_atomic_t ended;
static char *volatile lost;

static void
on_term (int number)
{
  ended = 1;
}

static int
read_all (int fd, unsigned char *data, size_t size)
{
  while (size > 0)
    {
      ssize_t n = read (fd, data, size);

      if (n <= 0)
        return 0;
      data += n;
      size -= (size_t) n;
    }
  return 1;
}

static void
err (const char *mistake)
{
  volatile int large = INT_MAX;

  if (strcmp (mistake, "overflow") == 0)
    {
      char *volatile text = malloc (8);

      text[8] = 'x';
      free (text);
    }
  if (strcmp (mistake, "undefined") == 0)
    large = large + 1;
  if (strcmp (mistake, "leak") == 0)
    {
      lost = malloc (100);
      lost = NULL;
    }
}

static void
serve (int fd, const char *mistake)
{
  static const unsigned char options[] = { 0, 0, 0, 13, 'O', 0, 0, 0, 6, 0, 0, 1, 255, 0, 0, 0, 0 };
  static unsigned char data[65536];
  unsigned char head[4];

  while (read_all (fd, head, 4))
    {
      size_t size = (size_t) head[2] << 8 | head[3];

      if (!read_all (fd, data, size) || data[0] == 'Q')
        return;
      if (data[0] == 'E')
        err (mistake);
      if (data[0] == 'O')
        (void) !write (fd, options, sizeof options);
      else if (strchr ("DAK", data[0]) == NULL)
        (void) !write (fd, "\0\0\0\1c", 5);
    }
}

int
main (int argc, char **argv)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  struct sigaction action = { .sa_handler = on_term };
  int listener = socket (AF_UNIX, SOCK_STREAM, 0);

  strncpy (address.sun_path, argv[1], sizeof address.sun_path - 1);
  unlink (argv[1]);
  sigaction (SIGTERM, &action, NULL);
  if (bind (listener, (struct sockaddr *) &address, sizeof address) < 0 || listen (listener, 10) < 0)
    return 1;
  while (!ended)
    {
      int fd = accept (listener, NULL, NULL);

      if (fd < 0)
        continue;
      serve (fd, argv[2]);
      close (fd);
    }
  return 0;
}
