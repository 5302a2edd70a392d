/** Slider with named stops; the value’s name is bold below it. */
import { Label } from 'react-aria-components/Label';
import { Slider, SliderThumb, SliderTrack } from 'react-aria-components/Slider';

export function StopSlider(props: {
  label: string;
  value: number;
  minimum: number;
  maximum: number;
  /** Names of all values, in order. */
  stops: readonly string[];
  isDisabled?: boolean;
  onChange: (value: number) => void;
}) {
  const span = props.maximum - props.minimum;
  const share = span === 0 ? 0 : (props.value - props.minimum) / span;
  return (
    <Slider
      className="slider"
      minValue={props.minimum}
      maxValue={props.maximum}
      value={props.value}
      isDisabled={props.isDisabled ?? false}
      onChange={(value) => props.onChange(Array.isArray(value) ? (value[0] ?? props.value) : value)}
    >
      <Label className="for-readers">{props.label}</Label>
      <SliderTrack className="slider-track">
        <span className="slider-fill" style={{ inlineSize: `${String(share * 100)}%` }} />
        <SliderThumb className="slider-thumb" />
      </SliderTrack>
      <div className="stops" aria-hidden="true">
        {props.stops.map((stop, index) =>
          index === props.value - props.minimum ? <b key={stop}>{stop}</b> : <span key={stop}>{stop}</span>,
        )}
      </div>
    </Slider>
  );
}
