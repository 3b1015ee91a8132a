// Mounts a component in the page of its test, and takes it away after the test.
import { mount, unmount, type Component } from 'svelte';
import { onTestFinished, vi } from 'vitest';

/** `width` in pixels: what a component gets in a window of 1280. */
export function show<Props extends Record<string, unknown>>(
  component: Component<Props>,
  props: Props,
  width = 1100,
): HTMLElement {
  const place = document.createElement('div');
  place.style.width = `${String(width)}px`;
  document.body.append(place);
  const mounted = mount(component, { target: place, props });
  onTestFinished(async () => {
    await unmount(mounted);
    place.remove();
  });
  return place;
}

/** The file that an action hands to the person. */
export async function savedBy(act: () => Promise<void>): Promise<{ name: string; content: Blob }> {
  const make = URL.createObjectURL.bind(URL);
  let content: Blob | undefined;
  URL.createObjectURL = (blob: Blob) => make((content = blob));
  // The link is no part of the document: nothing but itself hears of its click.
  const click = vi.spyOn(HTMLAnchorElement.prototype, 'click');
  const link = new Promise<HTMLAnchorElement>((clicked) => {
    click.mockImplementation(function (this: HTMLAnchorElement) {
      clicked(this);
    });
  });
  await act();
  const name = (await link).download;
  click.mockRestore();
  URL.createObjectURL = make;
  if (content === undefined) throw new Error(`${name} has no content`);
  return { name, content };
}
